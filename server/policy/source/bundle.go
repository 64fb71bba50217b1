package source

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/consentd/consentd/server/consent"
)

// contract is the version of the policies' contract, input and answer, that this server keeps. A bundle can name the
// one that it needs in its manifest: {"metadata": {"consentd": {"contract": 1}}}.
const contract = 1

// maxEntries bounds the files of a bundle, and the files and folders of a directory.
const maxEntries = 10_000

// unpacker reads bundles.
type unpacker struct {
	maxBytes int64
	// key is nil where bundles are not verified.
	key *bundle.VerificationConfig
}

// unpack reads a bundle as `opa build` writes it, and files of data beside each other. OPA's reader says that the
// archive is what it was signed as, and which modules it has; data are taken as they stand in the archive, because
// OPA's reader joins them and passes over keys that come twice and second documents. Their JSON is indented by two, as
// `jq . data.json` prints it, so that faults in it have lines.
func (u unpacker) unpack(content []byte) (*Files, error) {
	data, err := u.inspect(content)
	if err != nil {
		return nil, err
	}
	b, err := bundle.NewCustomReader(bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(content), "")).
		WithBundleVerificationConfig(u.key).WithSizeLimitBytes(u.maxBytes).WithLazyLoadingMode(false).Read()
	if err != nil {
		return nil, refusal(err)
	}
	if err := suitable(&b); err != nil {
		return nil, err
	}
	list, err := u.writeOut(data)
	if err != nil {
		return nil, err
	}
	for _, m := range b.Modules {
		list = append(list, consent.PolicyFile{Path: strings.TrimPrefix(m.Path, "/"), Content: m.Raw})
	}
	for _, f := range list {
		if !counts(f.Path) {
			return nil, fmt.Errorf("%s: stands in a hidden file or folder, and those are no policies: move it, or leave it out", f.Path)
		}
	}
	return NewFiles(list)
}

// dataFiles are the names of a bundle's files of data. Whatever else ends so is none, as for OPA.
var dataFiles = []string{"data.json", "data.yaml", "data.yml"}

// writeOut writes data with lines. What would take more than the limit in that form is refused before it takes it: a
// few bytes nested deep are indented far.
func (u unpacker) writeOut(data []consent.PolicyFile) (list []consent.PolicyFile, err error) {
	total := int64(0)
	for _, f := range data {
		if path.Ext(f.Path) == ".json" {
			if total += indentedSize(f.Content); total > u.maxBytes {
				return nil, tooLarge(f.Path+": the data are, with a line for each value,", u.maxBytes)
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, bytes.TrimSpace(f.Content), "", "  "); err != nil {
				return nil, fmt.Errorf("%s: cannot be read (%w): correct it, and build the bundle again by `opa build`", f.Path, err)
			}
			f.Content = append(indented.Bytes(), '\n')
		}
		list = append(list, f)
	}
	return list, nil
}

// indentedSize is about what compact JSON takes once it is indented by two, never less.
func indentedSize(compact []byte) (size int64) {
	depth, quoted, escaped := int64(0), false, false
	for _, c := range compact {
		size++
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			depth++
			size += 1 + 2*depth
		case c == '}', c == ']':
			depth--
			size += 1 + 2*depth
		case c == ',', c == ':':
			size += 1 + 2*depth
		}
	}
	return size
}

// inspect reads the archive once, refuses what OPA's reader would unpack or pass over, and returns its files of data.
func (u unpacker) inspect(content []byte) (data []consent.PolicyFile, err error) {
	const remedy = "give a tar.gz as `opa build` writes it"
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("is no bundle (%w): %s", err, remedy)
	}
	limited := &io.LimitedReader{R: unzipped, N: u.maxBytes + 1}
	archive := tar.NewReader(limited)
	seen, total := map[string]bool{}, int64(0)
	for len(seen) <= maxEntries {
		header, err := archive.Next()
		if err == nil {
			total += header.Size // a sparse file has more than it takes
		}
		switch {
		case total > u.maxBytes || total < 0:
			return nil, tooLarge("the bundle unpacks to something", u.maxBytes)
		case limited.N <= 0:
			return nil, tooLarge("the bundle unpacks to something", u.maxBytes)
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, fmt.Errorf("is damaged or cut off (%w): %s", err, remedy)
		}
		if err := inspectEntry(header, seen); err != nil {
			return nil, err
		}
		found, err := dataIn(header, archive)
		if err != nil && limited.N > 0 {
			return nil, fmt.Errorf("is damaged or cut off (%w): %s", err, remedy)
		}
		data = append(data, found...)
	}
	return nil, fmt.Errorf("the bundle has more than %d files: make it smaller", maxEntries)
}

// dataIn is the file of data that an entry is, if it is one.
func dataIn(header *tar.Header, content io.Reader) ([]consent.PolicyFile, error) {
	name := path.Clean("/" + header.Name)[1:]
	if header.Typeflag != tar.TypeReg || !slices.Contains(dataFiles, path.Base(name)) {
		return nil, nil
	}
	read, err := io.ReadAll(content)
	return []consent.PolicyFile{{Path: name, Content: read}}, err
}

// inspectEntry refuses what has no place in a bundle. `opa build` writes absolute paths; they begin at the bundle's
// root.
func inspectEntry(header *tar.Header, seen map[string]bool) error {
	name := path.Clean("/" + header.Name)
	switch {
	case slices.Contains(strings.Split(strings.ReplaceAll(header.Name, "\\", "/"), "/"), ".."):
		return fmt.Errorf("%q: the path leaves the bundle: build it again by `opa build`", header.Name)
	case header.Typeflag == tar.TypeDir:
		return nil
	case header.Typeflag != tar.TypeReg:
		return fmt.Errorf("%q: is neither file nor folder: bundles hold no links and no devices", header.Name)
	case seen[name]:
		return fmt.Errorf("%q: comes twice: build the bundle again by `opa build`", header.Name)
	}
	seen[name] = true
	return nil
}

// unreadable is how OPA's reader begins what it says of a file that it cannot read; the file and why follow.
var unreadable = regexp.MustCompile(`^bundle load failed on /?(\S+): (.*)$`)

// refusal says what to do about an error of OPA's reader.
func refusal(err error) error {
	switch text := err.Error(); {
	case unreadable.MatchString(text):
		m := unreadable.FindStringSubmatch(text)
		return fmt.Errorf("%s: cannot be read (%s): correct it, and build the bundle again by `opa build`", m[1], m[2])
	case strings.Contains(text, "missing .signatures.json"):
		return errors.New("the bundle is not signed, and policies-key asks for a signature: sign it by `opa build --signing-key`")
	case strings.Contains(text, "verification key not provided"):
		return errors.New("the bundle is signed, and there is no key to verify it with: set --policies-key")
	case strings.Contains(text, "signature"), strings.Contains(text, "verification key"), strings.Contains(text, "scope"),
		strings.Contains(text, "digest mismatch"), strings.Contains(text, "JWT"), strings.Contains(text, "not included in bundle"):
		return fmt.Errorf("the bundle's signature does not hold: %w: "+
			"sign it with the key that policies-key names the public part of", err)
	}
	return err
}

// suitable refuses bundles that OPA reads and this server does not.
func suitable(b *bundle.Bundle) error {
	if b.Type() != bundle.SnapshotBundleType {
		return errors.New("is a delta bundle: give a whole one, as `opa build` writes it")
	}
	if len(b.WasmModules) > 0 || len(b.Manifest.WasmResolvers) > 0 {
		return errors.New("has WebAssembly in the place of rules: build it without --target wasm")
	}
	versions := map[string]int{}
	for file, v := range b.Manifest.FileRegoVersions {
		versions[file] = v
	}
	if v := b.Manifest.RegoVersion; v != nil {
		versions[".manifest"] = *v
	}
	for file, v := range versions {
		if v != 1 {
			return fmt.Errorf("%s: is in version %d of Rego, and this server reads version 1: build the bundle for it",
				strings.TrimPrefix(file, "/"), v)
		}
	}
	return supported(b.Manifest.Metadata)
}

// supported refuses a bundle for a newer contract.
func supported(metadata map[string]any) error {
	ours, ok := metadata["consentd"].(map[string]any)
	if !ok || ours["contract"] == nil {
		return nil
	}
	asked, ok := ours["contract"].(json.Number)
	if n, err := asked.Int64(); ok && err == nil && n <= contract {
		return nil
	}
	return fmt.Errorf(".manifest: the bundle is for version %v of the policies' contract, "+
		"and this server has version %d: use a newer server",
		ours["contract"], contract)
}
