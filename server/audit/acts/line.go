package acts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Outcomes that are no gRPC codes.
const (
	// outcomeBegun is of an act that is under way.
	outcomeBegun = "BEGUN"
	// outcomeMissed is of acts that are not in the file, because it could not be written.
	outcomeMissed = "MISSED"
	// outcomeDenied is of acts that were denied and are counted, because there were many.
	outcomeDenied = "DENIED"
)

// line is a line of the file, in the order of its fields.
type line struct {
	// Seq numbers the lines of all files from 1 on.
	Seq uint64    `json:"seq"`
	At  time.Time `json:"time"`
	// Method and what follows are an act's.
	Method     string  `json:"method,omitempty"`
	Caller     *caller `json:"caller,omitempty"`
	RequestID  string  `json:"request_id,omitempty"`
	Controller string  `json:"controller,omitempty"`
	Subject    string  `json:"subject,omitempty"`
	Also       string  `json:"linked,omitempty"`
	Purpose    string  `json:"purpose,omitempty"`
	Past       bool    `json:"past,omitempty"`
	Events     []Event `json:"events,omitempty"`
	Policies   string  `json:"policy_revision,omitempty"`
	Files      int     `json:"policy_files,omitempty"`
	Authorized bool    `json:"authorized"`
	Outcome    string  `json:"outcome"`
	// Missed counts acts that are not in the file, Denied denials of the caller that have no lines.
	Missed uint64 `json:"missed,omitempty"`
	Denied uint64 `json:"denied,omitempty"`
	// Prev is the SHA-256 of the line before, without its end, in hexadecimal; of the first line zeros.
	Prev string `json:"prev"`
}

// caller is an identity.
type caller struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Issuer string `json:"issuer,omitempty"`
}

func callerOf(by consent.Identity) *caller {
	if by.IsZero() {
		return nil
	}
	return &caller{by.Kind, by.ID, by.Issuer}
}

func lineOf(a *Act) line {
	l := line{
		At: a.At, Method: a.Method, Caller: callerOf(a.By), RequestID: a.RequestID, Controller: a.Controller, Subject: a.Subject,
		Also: a.Also, Purpose: a.Purpose, Past: a.Past, Events: a.Events, Policies: a.Policies, Files: a.Files,
		Authorized: !a.Denied, Outcome: a.Outcome,
	}
	if a.Begun {
		l.Outcome = outcomeBegun
	}
	return l
}

// maxSeq is above what anybody writes, and below where counting on goes wrong.
const maxSeq = 1 << 53

// parse reads a line, without its end.
func parse(text []byte) (l line, err error) {
	if err := json.Unmarshal(text, &l); err != nil {
		return l, err
	}
	if l.Seq < 1 || l.Seq > maxSeq {
		return l, fmt.Errorf("it has the number %d", l.Seq)
	}
	return l, nil
}

// chain is where the next line goes on.
type chain struct {
	// seq is that of the last line, sum its hash.
	seq uint64
	sum [sha256.Size]byte
}

// append writes a line in its place after the last.
func (c *chain) append(b []byte, l line) ([]byte, error) {
	c.seq++
	l.Seq, l.At, l.Prev = c.seq, l.At.UTC(), hex.EncodeToString(c.sum[:])
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return b, err
	}
	c.sum = sha256.Sum256(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
	return append(b, text.Bytes()...), nil
}
