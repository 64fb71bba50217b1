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

// contract is the version of the policies' contract, input and answer, that this server keeps. A bundle can name the one that
// it needs in its manifest: {"metadata": {"consentd": {"contract": 1}}}.
const contract = 1

// maxEntries bounds the files of a bundle, and the files and folders of a directory.
const maxEntries = 10_000

// unpacker reads bundles.
type unpacker struct {
	maxBytes int64
	// key is nil where bundles are not verified.
	key *bundle.VerificationConfig
}

// unpack reads a bundle as `opa build` writes it. Its data become one file, data.json, with sorted keys and indented by two,
// as `jq -S . data.json` prints it, so that faults in it have lines.
func (u unpacker) unpack(content []byte) (*Files, error) {
	if err := u.inspect(content); err != nil {
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
	var list []consent.PolicyFile
	for _, m := range b.Modules {
		list = append(list, consent.PolicyFile{Path: strings.TrimPrefix(m.Path, "/"), Content: m.Raw})
	}
	if len(b.Data) > 0 {
		data, err := u.writeOut(b.Data)
		if err != nil {
			return nil, err
		}
		list = append(list, consent.PolicyFile{Path: "data.json", Content: data})
	}
	return NewFiles(list)
}

// writeOut writes data with lines. What would take more than the limit in that form is refused before it takes it: a few
// bytes nested deep are indented far.
func (u unpacker) writeOut(data map[string]any) ([]byte, error) {
	var compact, indented bytes.Buffer
	encoder := json.NewEncoder(&compact)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return nil, fmt.Errorf("data.json: %w", err)
	}
	if indentedSize(compact.Bytes()) > u.maxBytes {
		return nil, tooLarge("data.json: the data are, with a line for each value,", u.maxBytes)
	}
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("data.json: %w", err)
	}
	return indented.Bytes(), nil
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

// inspect reads the archive once, without keeping it, and refuses what OPA's reader would unpack or pass over.
func (u unpacker) inspect(content []byte) error {
	const remedy = "give a tar.gz as `opa build` writes it"
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("is no bundle (%w): %s", err, remedy)
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
			return tooLarge("the bundle unpacks to something", u.maxBytes)
		case limited.N <= 0:
			return tooLarge("the bundle unpacks to something", u.maxBytes)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("is damaged or cut off (%w): %s", err, remedy)
		}
		if err := inspectEntry(header, seen); err != nil {
			return err
		}
	}
	return fmt.Errorf("the bundle has more than %d files: make it smaller", maxEntries)
}

// inspectEntry refuses what has no place in a bundle. `opa build` writes absolute paths; they begin at the bundle's root.
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
		return fmt.Errorf("the bundle's signature does not hold: %w: sign it with the key that policies-key names the public part of", err)
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
			return fmt.Errorf("%s: is in version %d of Rego, and this server reads version 1: build the bundle for it", strings.TrimPrefix(file, "/"), v)
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
	return fmt.Errorf(".manifest: the bundle is for version %v of the policies' contract, and this server has version %d: use a newer server",
		ours["contract"], contract)
}
