package apikey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The bounds of a file.
const (
	// MaxFileBytes is far above MaxKeys of them.
	MaxFileBytes = 4 << 20
	// MaxKeys is how many keys a file may have.
	MaxKeys = 10_000
	// maxID bounds an id, maxNote a note, in bytes.
	maxID, maxNote = 256, 1024
)

// Entry is what a file says of a key.
type Entry struct {
	// ID is its owner's; several keys may have one id, so that one is replaced before the other goes.
	ID     string
	Digest Digest
	// Expires is from when on it does not hold any more; zero: it does not expire.
	Expires time.Time
}

// Parse reads a file of keys: a list in YAML, each entry with id, sha256 (in hexadecimal or base64) and, where one
// likes, note and expires (RFC 3339, or a date: its beginning in UTC). An empty file has no keys. The error has all
// faults, each with its line.
func Parse(content []byte) ([]Entry, error) {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%w: write a YAML list of keys, as consentctl key new prints them", err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, lineError(&second, "a second YAML document begins here: keep all keys in one")
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.SequenceNode {
		return nil, lineError(root, "want a list, each key beginning with \"- id:\"")
	}
	if len(root.Content) > MaxKeys {
		return nil, fmt.Errorf("has %d keys: at most %d are taken", len(root.Content), MaxKeys)
	}
	return entries(root.Content)
}

// maxFaults is how many faults of a file are told.
const maxFaults = 20

func entries(nodes []*yaml.Node) ([]Entry, error) {
	var faults []error
	all := make([]Entry, 0, len(nodes))
	lines := map[Digest]int{}
	for _, node := range nodes {
		e, err := entryOf(node)
		if err == nil && lines[e.Digest] != 0 {
			err = lineError(node, fmt.Sprintf("has the sha256 of the key in line %d: a key belongs to one owner", lines[e.Digest]))
		}
		if err != nil {
			if faults = append(faults, err); len(faults) == maxFaults {
				break
			}
			continue
		}
		lines[e.Digest] = node.Line
		all = append(all, e)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return all, nil
}

func entryOf(node *yaml.Node) (e Entry, err error) {
	if node.Kind != yaml.MappingNode {
		return e, lineError(node, "want id: and sha256: of a key")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if seen[key.Value] {
			return e, lineError(key, key.Value+" is given twice")
		}
		seen[key.Value] = true
		if value.Kind != yaml.ScalarNode {
			return e, lineError(value, key.Value+": want one value")
		}
		if err := e.set(key.Value, value.Value); err != nil {
			return e, lineError(value, key.Value+": "+err.Error())
		}
	}
	for _, name := range []string{"id", "sha256"} {
		if !seen[name] {
			return e, lineError(node, name+" is missing")
		}
	}
	return e, nil
}

// set takes one value in. Its errors leave the value out: it may be a key that was put in the place of its hash.
func (e *Entry) set(name, value string) (err error) {
	switch name {
	case "id":
		e.ID, err = value, ValidateID(value)
	case "sha256":
		e.Digest, err = parseDigest(value)
	case "expires":
		e.Expires, err = parseTime(value)
	case "note":
		if len(value) > maxNote {
			err = fmt.Errorf("has more than %d bytes", maxNote)
		}
	default:
		err = errors.New("no key has this: write id, sha256, note or expires")
	}
	return err
}

// ValidateID says what is wrong with the id of a key's owner.
func ValidateID(id string) error {
	switch {
	case id == "" || len(id) > maxID:
		return fmt.Errorf("want 1 to %d bytes", maxID)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return errors.New("want visible characters without spaces")
	}
	return nil
}

func parseDigest(text string) (d Digest, err error) {
	if Is(text) {
		return d, errors.New("is a key itself: write its SHA-256, and make another key, for this one was in a file")
	}
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if raw, err := decode(text); err == nil && len(raw) == len(d) {
			return Digest(raw), nil
		}
	}
	return d, errors.New("want 64 hexadecimal digits, or the 32 bytes in base64")
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && at.Unix() > 0 {
			return at, nil
		}
	}
	return time.Time{}, errors.New("want a time such as 2027-01-31T12:00:00Z, or a date")
}

func lineError(node *yaml.Node, text string) error {
	return fmt.Errorf("line %d: %s", max(node.Line, 1), text)
}

// Append returns the lines for a file of keys that let in the holder of a key.
func Append(id string, d Digest, made time.Time) string {
	quoted, _ := yaml.Marshal(id) // a string never fails
	return fmt.Sprintf("- id: %s\n  sha256: %s\n  note: made %s\n", strings.TrimSpace(string(quoted)), hex.EncodeToString(d[:]),
		made.UTC().Format(time.DateOnly))
}
