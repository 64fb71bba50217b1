package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// configName is the flag, and with the prefix the variable, that names the file.
const (
	configName     = "config"
	configVariable = "CONSENTD_CONFIG"
)

// otherVariables begin with our prefix and are not the server's: those by which consentctl knows where to ask, and as
// whom.
var otherVariables = []string{"CONSENTD_ADDR", "CONSENTD_TOKEN_FILE", "CONSENTD_API_KEY_FILE", "CONSENTD_TLS_CA"}

// value is what a source gave a setting, and how to name the source to people.
type value struct{ text, source string }

// sources are where settings come from.
type sources struct {
	settings []setting
	environ  []string
	flags    map[string]value
	config   string
}

func newSources(environ []string) *sources {
	return &sources{settings: settings(), environ: environ, flags: map[string]value{}}
}

// define adds a flag for each setting.
func (s *sources) define(flags *pflag.FlagSet) {
	for _, one := range s.settings {
		f := flags.VarPF(&flagValue{values: s.flags, setting: one}, one.name, "", one.usage+" ("+one.variable()+")")
		if one.boolean {
			f.NoOptDefVal = "true"
		}
	}
	flags.StringVar(&s.config, configName, "", "YAML file of settings, keys named as the flags ("+configVariable+")")
}

// flagValue keeps a flag's text until all sources are known.
type flagValue struct {
	values  map[string]value
	setting setting
}

// String is the default, for --help, and then what was given.
func (f *flagValue) String() string {
	if given, ok := f.values[f.setting.name]; ok {
		return given.text
	}
	return f.setting.fallback
}

// Set implements pflag.Value.
func (f *flagValue) Set(text string) error {
	f.values[f.setting.name] = value{text: text, source: "--" + f.setting.name}
	return nil
}

// Type is what --help calls the value.
func (f *flagValue) Type() string {
	if f.setting.boolean {
		return "bool"
	}
	return "string"
}

// options merges the sources, flag over environment over file. The error has all their faults, and those of the
// configuration that they add up to.
func (s *sources) options() (options, error) {
	environment, config, faults := s.environment()
	if s.config != "" {
		config = s.config
	}
	file, more := s.file(config)
	faults = append(faults, more...)
	o := options{}
	for _, one := range s.settings {
		for _, from := range []map[string]value{file, environment, s.flags} {
			given, ok := from[one.name]
			if !ok {
				continue
			}
			if err := one.set(&o, given.text); err != nil {
				faults = append(faults, fault(given.source, given.text, err))
			}
		}
	}
	faults = append(faults, o.config.Validate())
	return o, errors.Join(faults...)
}

// faults adds those of the other sources to the fault of a command line that could not be read to its end.
func (s *sources) faults(first error) error {
	_, err := s.options()
	return errors.Join(fmt.Errorf("%w: see consentd --help", first), err)
}

// environment returns the values of CONSENTD_ variables, and the path of the file if they name one.
func (s *sources) environment() (values map[string]value, config string, faults []error) {
	values = map[string]value{}
	for _, entry := range s.environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "CONSENTD_") || slices.Contains(otherVariables, name) {
			continue
		}
		if name == configVariable {
			config = text
			continue
		}
		i := slices.IndexFunc(s.settings, func(one setting) bool { return one.variable() == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("%s: no setting has this variable: unset it, or see consentd --help", name))
			continue
		}
		values[s.settings[i].name] = value{text: text, source: name}
	}
	return values, config, faults
}

// file returns the values in a YAML file; there are none without a path.
func (s *sources) file(path string) (map[string]value, []error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, []error{fmt.Errorf("--config: cannot read %q: name a YAML file of settings", path)}
	}
	defer func() { _ = f.Close() }()
	var document, second yaml.Node
	decoder := yaml.NewDecoder(f)
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, []error{fmt.Errorf("%s: %w", path, err)}
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, []error{fmt.Errorf("%s:%d: a second YAML document begins here: keep all settings in one", path, max(second.Line, 1))}
	}
	return s.keys(path, &document)
}

// keys reads the mapping of a document.
func (s *sources) keys(path string, document *yaml.Node) (values map[string]value, faults []error) {
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, []error{fmt.Errorf("%s:%d: must be settings, one key: value a line", path, root.Line)}
	}
	values = map[string]value{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		at := fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)
		_, twice := values[key.Value]
		switch {
		case !slices.ContainsFunc(s.settings, func(one setting) bool { return one.name == key.Value }):
			faults = append(faults, fmt.Errorf("%s: no setting has this key: remove it, or see consentd --help", at))
		case twice:
			faults = append(faults, fmt.Errorf("%s: is set twice", at))
		case node.Kind != yaml.ScalarNode:
			faults = append(faults, fmt.Errorf("%s: must be one value", at))
		default:
			values[key.Value] = value{text: node.Value, source: at}
		}
	}
	return values, faults
}
