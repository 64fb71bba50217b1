package line

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// MaxBytes is the longest line that is read: a request of the longest context, and its answer.
const MaxBytes = 4 << 20

// magic begins a frame of zstd.
var magic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// Reader reads a log, plain or of zstd, whichever its first bytes are. It is for one goroutine.
//
// A log whose writer was killed may end within a line or a frame. That is its end, and no error: Torn tells. Damage
// before the end is an error, and frames have a checksum.
type Reader struct {
	lines *bufio.Reader
	file  io.Closer
	zstd  *zstd.Decoder
	// long gathers a line that is longer than the buffer of lines.
	long   []byte
	number int
	// ended is whether nothing more can be read, torn whether the rest of what was read last is missing.
	ended, torn bool
}

// NewReader returns a reader of a log; Close it.
func NewReader(from io.Reader) (*Reader, error) {
	raw := bufio.NewReaderSize(from, 64<<10)
	head, err := raw.Peek(len(magic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r := &Reader{lines: raw}
	if bytes.Equal(head, magic) {
		// The bounds are far above what a log's frames ask for, and keep a file of others from asking for the memory.
		r.zstd, err = zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20),
			zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, err
		}
		r.lines = bufio.NewReaderSize(r.zstd, 64<<10)
	}
	return r, nil
}

// Open opens a log by its file's name; - is standard input.
func Open(name string) (*Reader, error) {
	if name == "-" {
		return NewReader(os.Stdin)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r.file = file
	return r, nil
}

// Close lets go of what Open opened.
func (r *Reader) Close() error {
	if r.zstd != nil {
		r.zstd.Close()
	}
	if r.file != nil {
		return r.file.Close()
	}
	return nil
}

// Number is that of the line that Next returned last, from 1 on.
func (r *Reader) Number() int { return r.number }

// Torn reports whether the log ended within a line or a frame, whose rest is missing.
func (r *Reader) Torn() bool { return r.torn }

// Next returns the next line, and io.EOF after the last. Other errors begin with the line's number; after one of a line
// that cannot be parsed, Next goes on behind it. Empty lines are passed over.
func (r *Reader) Next() (Line, error) {
	for {
		text, err := r.text()
		if err != nil {
			return Line{}, err
		}
		if len(text) == 0 {
			continue
		}
		l, err := Parse(text)
		if err != nil {
			return Line{}, fmt.Errorf("%d: %w", r.number, err)
		}
		return l, nil
	}
}

// text returns the next line without its end. A last line without an end counts if it is whole.
func (r *Reader) text() ([]byte, error) {
	if r.ended {
		return nil, io.EOF
	}
	r.number++
	r.long = r.long[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		switch {
		case err == nil && len(r.long) == 0:
			return bytes.TrimRight(part, "\r\n"), nil
		case len(r.long)+len(part) > MaxBytes:
			r.ended = true
			return nil, fmt.Errorf("%d: is longer than %d bytes: it is no decision log", r.number, MaxBytes)
		}
		r.long = append(r.long, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(r.long, "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return r.last(err)
		default:
			r.ended = true
			return nil, fmt.Errorf("%d: %w: the frame is damaged", r.number, err)
		}
	}
}

// last returns what stands behind the last end of a line.
func (r *Reader) last(err error) ([]byte, error) {
	r.ended = true
	rest := bytes.TrimSpace(r.long)
	r.torn = errors.Is(err, io.ErrUnexpectedEOF) || len(rest) > 0 && !json.Valid(rest)
	if len(rest) == 0 || r.torn {
		return nil, io.EOF
	}
	return rest, nil
}
