package usage

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/consentd/consentd/server/consent"
)

// A day's file is lines of JSON: one with the SHA-256 of all that follows, one about the day, and one for each kind.

var errDamaged = errors.New("the file is not as it was written")

const (
	fileVersion = 1
	// maxFileBytes is above what maxKinds kinds take.
	maxFileBytes = 32 << 20
)

type sumLine struct {
	SHA256 string `json:"sha256"`
}

type dayLine struct {
	Version    int    `json:"version"`
	Day        string `json:"day"`
	Overflowed uint64 `json:"overflowed"`
}

type kindLine struct {
	Controller string      `json:"controller"`
	Purpose    string      `json:"purpose"`
	Caller     *callerLine `json:"caller,omitempty"`
	Recipient  string      `json:"recipient,omitempty"`
	Category   string      `json:"category,omitempty"`
	Allowed    uint64      `json:"allowed"`
	Denied     uint64      `json:"denied"`
}

type callerLine struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Issuer string `json:"issuer,omitempty"`
}

func lineOf(k Kind, n Counts) kindLine {
	l := kindLine{Controller: k.Controller, Purpose: k.Purpose, Category: k.Category, Allowed: n.Allowed, Denied: n.Denied}
	if !k.Caller.IsZero() {
		l.Caller = &callerLine{k.Caller.Kind, k.Caller.ID, k.Caller.Issuer}
	}
	if k.Recipient != 0 {
		l.Recipient = k.Recipient.String()
	}
	return l
}

func (l *kindLine) kind() (Kind, error) {
	k := Kind{Controller: l.Controller, Purpose: l.Purpose, Category: l.Category}
	if l.Caller != nil {
		k.Caller = consent.Identity{Kind: l.Caller.Kind, ID: l.Caller.ID, Issuer: l.Caller.Issuer}
	}
	if l.Recipient != "" {
		var ok bool
		if k.Recipient, ok = consent.ParseRecipientKind(l.Recipient); !ok {
			return k, fmt.Errorf("%w: unknown recipient %q", errDamaged, l.Recipient)
		}
	}
	return k, nil
}

// writePage writes a day's file whole, or leaves the one before.
func writePage(path string, d Day, p *page) (err error) {
	text, err := encode(d, p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	next := filepath.Join(dir, temporary)
	f, err := os.OpenFile(next, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

func encode(d Day, p *page) ([]byte, error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	faults := []error{encoder.Encode(dayLine{fileVersion, d.String(), p.overflowed})}
	for k, n := range p.counts {
		faults = append(faults, encoder.Encode(lineOf(k, *n)))
	}
	sum := sha256.Sum256(lines.Bytes())
	first, err := json.Marshal(sumLine{hex.EncodeToString(sum[:])})
	return append(append(first, '\n'), lines.Bytes()...), errors.Join(append(faults, err)...)
}

// readPage reads a day's file; its error wraps errDamaged where that is the fault.
func readPage(path string, d Day) (*page, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", errDamaged, maxFileBytes)
	}
	return decode(text, d)
}

func decode(text []byte, d Day) (*page, error) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	var want sumLine
	sum := sha256.Sum256(rest)
	if err := json.Unmarshal(first, &want); err != nil || want.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: its checksum differs", errDamaged)
	}
	lines := bufio.NewReader(bytes.NewReader(rest))
	decoder := json.NewDecoder(lines)
	var about dayLine
	if err := decoder.Decode(&about); err != nil || about.Version != fileVersion || about.Day != d.String() {
		return nil, fmt.Errorf("%w: it is of version %d and day %q", errDamaged, about.Version, about.Day)
	}
	p := newPage()
	p.overflowed = about.Overflowed
	for decoder.More() {
		var l kindLine
		if err := decoder.Decode(&l); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		k, err := l.kind()
		if err != nil {
			return nil, err
		}
		p.add(k, Counts{l.Allowed, l.Denied})
	}
	p.changed = false
	return p, nil
}
