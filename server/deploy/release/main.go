// Command release builds consentd and consentctl for others to run: static, without the paths of this machine, and so
// that who builds the same commit again gets the same bytes.
//
//	go run ./server/deploy/release --out dist
//
// It writes DIR/OS_ARCH/{consentd,consentctl}, beside each its bill of materials (CycloneDX JSON, .cdx.json), and
// DIR/SHA256SUMS. It must be started in the root of the repository. The identity of the build comes from git, or where
// there is no history from --version, --commit and --date. The toolchain is that of go.mod, whatever is installed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// programs are what a release has, by the folder of their main package.
var programs = map[string]string{"consentd": "./server", "consentctl": "./client/consentctl"}

// options are what to build, and where to.
type options struct {
	out       string
	platforms []string
	programs  []string
	bill      bool
	given     identity
}

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		err = release(o)
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&o.out, "out", "dist", "folder for what is built; made if it is not there")
	platforms := flags.String("platform", "linux/amd64,linux/arm64", "what to build for, by commas")
	names := flags.String("program", "consentd,consentctl", "what to build, by commas")
	flags.BoolVar(&o.bill, "sbom", true, "write the bills of materials")
	flags.StringVar(&o.given.version, "version", "", "instead of what git says")
	flags.StringVar(&o.given.commit, "commit", "", "instead of what git says")
	flags.StringVar(&o.given.date, "date", "", "when the commit was made, in RFC 3339, instead of what git says")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q: no arguments are taken, only flags", flags.Arg(0))
	}
	o.platforms, o.programs = strings.Split(*platforms, ","), strings.Split(*names, ",")
	for _, name := range o.programs {
		if programs[name] == "" {
			return o, fmt.Errorf("--program: %q: name consentd, consentctl or both", name)
		}
	}
	for _, p := range o.platforms {
		if goos, arch, ok := strings.Cut(p, "/"); !ok || goos == "" || arch == "" {
			return o, fmt.Errorf("--platform: %q: give OS/ARCH, such as linux/amd64", p)
		}
	}
	return o, nil
}

// release builds all of it.
func release(o options) error {
	toolchain, err := toolchainOf("go.mod")
	if err != nil {
		return err
	}
	is, err := o.given.complete()
	if err != nil {
		return err
	}
	var files []string
	for _, platform := range o.platforms {
		for _, program := range o.programs {
			b := build{program, platform, toolchain, is, filepath.Join(o.out, strings.ReplaceAll(platform, "/", "_"), program)}
			if err := b.run(); err != nil {
				return err
			}
			files = append(files, b.file)
			if !o.bill {
				continue
			}
			if err := b.bill(); err != nil {
				return err
			}
			files = append(files, b.file+billSuffix)
		}
	}
	fmt.Printf("%s, commit %s of %s, by %s, in %s\n", is.version, is.commit, is.date, toolchain, o.out)
	return writeSums(o.out, files)
}
