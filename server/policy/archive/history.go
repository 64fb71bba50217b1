package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// header is the first line of a history; the others are spans.
type header struct {
	Format int `json:"consentd_policy_history"`
	// SHA256 is that of all other lines.
	SHA256 string `json:"sha256"`
}

const historyFormat = 1

// line is a span in a history.
type line struct {
	Revision    string    `json:"policy_revision"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until,omitzero"`
	Source      string    `json:"source"`
	Controllers []string  `json:"controllers"`
}

func digestOf(lines []byte) string {
	sum := sha256.Sum256(lines)
	return hex.EncodeToString(sum[:])
}

// writeHistory replaces a history.
func writeHistory(name string, spans []consent.PolicySpan) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, s := range spans {
		l := line{Revision: s.Revision, From: s.From.Time(), Source: s.Source, Controllers: s.Controllers}
		if s.Until != 0 {
			l.Until = s.Until.Time()
		}
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	first, err := json.Marshal(header{Format: historyFormat, SHA256: digestOf(lines.Bytes())})
	if err != nil {
		return err
	}
	return replace(name, append(append(first, '\n'), lines.Bytes()...))
}

// readHistory reads a history; none where there is no file.
func readHistory(name string) ([]consent.PolicySpan, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // no directory yet, or none that the store takes
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the history of policies cannot be read: %w: correct the file's permissions", err)
	}
	spans, err := parseHistory(content)
	if err != nil {
		return nil, fmt.Errorf("the history of policies %s %w", name, err)
	}
	return spans, nil
}

func parseHistory(content []byte) (spans []consent.PolicySpan, err error) {
	const remedy = "restore the file from a backup, or remove it to begin a new one"
	first, lines, _ := bytes.Cut(content, []byte("\n"))
	var h header
	if err := json.Unmarshal(first, &h); err != nil {
		return nil, fmt.Errorf("is damaged (line 1: %w): %s", err, remedy)
	}
	if h.Format > historyFormat {
		return nil, fmt.Errorf("is in a newer format, %d: start the newer server, or remove the file to begin a new history", h.Format)
	}
	if h.Format != historyFormat || h.SHA256 != digestOf(lines) {
		return nil, fmt.Errorf("is damaged (its digest differs): %s", remedy)
	}
	decoder := json.NewDecoder(bytes.NewReader(lines))
	for decoder.More() {
		var l line
		if err := decoder.Decode(&l); err != nil {
			return nil, fmt.Errorf("is damaged (line %d: %w): %s", len(spans)+2, err, remedy)
		}
		s := consent.PolicySpan{Revision: l.Revision, From: consent.InstantOf(l.From), Source: l.Source, Controllers: l.Controllers}
		if !l.Until.IsZero() {
			s.Until = consent.InstantOf(l.Until)
		}
		spans = append(spans, s)
	}
	return spans, nil
}
