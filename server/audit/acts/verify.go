package acts

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Report is what Verify found in files.
type Report struct {
	// Lines is how many there are, First and Last the numbers of the first and the last.
	Lines       int
	First, Last uint64
	// From and Until are the times of the first and the last line.
	From, Until time.Time
	// Sum is the SHA-256 of the last line, in hexadecimal: who keeps it elsewhere sees later whether the file was cut.
	Sum string
	// Missed acts and Denied denials have no lines: the disk was full, or there were many.
	Missed, Denied uint64
	// Torn is whether the last file ends in a line that was never finished, as a crash leaves it.
	Torn bool
	// Faults are the first of what is wrong, at most 100; empty: nothing is.
	Faults []Fault
	// More is how many faults there are beyond those.
	More int
}

// Fault is one place that is not as it was written.
type Fault struct {
	File string
	// Line counts from 1 in the file.
	Line    int
	Message string
}

func (f Fault) String() string { return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message) }

const (
	maxFaults = 100
	// maxLineBytes is above what an act of 1,000 events takes.
	maxLineBytes = 4 << 20
)

// Verify reads files in their order, as one chain, and says where it is broken. Its error is of reading alone.
func Verify(files ...string) (Report, error) {
	v := verifier{}
	for i, name := range files {
		v.name, v.line = name, 0
		if err := v.read(); err != nil {
			return v.Report, fmt.Errorf("reading an audit of acts: %w", err)
		}
		if v.torn && i < len(files)-1 {
			v.fault("the file ends in a line that is not finished, and another follows: its end is missing")
		}
	}
	v.Torn, v.Last, v.Sum = v.torn, v.seq, hex.EncodeToString(v.sum[:])
	return v.Report, nil
}

// verifier goes along the chain.
type verifier struct {
	Report
	chain
	name string
	line int
	torn bool
}

func (v *verifier) fault(format string, args ...any) {
	if len(v.Faults) >= maxFaults {
		v.More++
		return
	}
	v.Faults = append(v.Faults, Fault{v.name, v.line, fmt.Sprintf(format, args...)})
}

func (v *verifier) read() error {
	f, err := os.Open(v.name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, maxLineBytes)
	for {
		text, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("%s: line %d is longer than %d bytes: it is no audit of acts", v.name, v.line+1, maxLineBytes)
		case errors.Is(err, io.EOF):
			v.torn = len(text) > 0
			return nil
		case err != nil:
			return err
		}
		v.line++
		v.see(bytes.TrimSuffix(text, []byte("\n")))
	}
}

// see looks at a finished line.
func (v *verifier) see(text []byte) {
	l, err := parse(text)
	if err != nil {
		v.fault("the line is damaged: %v", err)
		l = line{Seq: v.seq + 1, Prev: hex.EncodeToString(v.sum[:]), At: v.Until}
	}
	v.link(&l)
	if v.Lines == 0 {
		v.First, v.From = l.Seq, l.At
	}
	v.Lines, v.Until = v.Lines+1, l.At
	v.Missed, v.Denied = v.Missed+l.Missed, v.Denied+l.Denied
	v.chain = chain{seq: l.Seq, sum: sha256.Sum256(text)}
}

// link holds a line against the one before. Of the first line that is read, what is before may be in another file.
func (v *verifier) link(l *line) {
	switch want := hex.EncodeToString(v.sum[:]); {
	case v.Lines == 0 && l.Seq != 1:
	case l.Seq > v.seq+1:
		v.fault("lines %d to %d are missing before it", v.seq+1, l.Seq-1)
	case l.Seq <= v.seq:
		v.fault("it has the number %d after %d: lines are twice, or in another order", l.Seq, v.seq)
	case l.Prev != want:
		v.fault("the line before it is not the one that was written, or this one was put in: it names %s, which is %s", l.Prev, want)
	}
}
