package line

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/consentd/consentd/server/consent"
)

// Append appends l and a newline. Text that is not UTF-8 becomes U+FFFD.
func Append(b []byte, l *Line) []byte {
	b = appendTime(append(b, `{"time":`...), l.Time)
	if l.Dropped > 0 {
		return append(strconv.AppendUint(append(b, `,"dropped":`...), l.Dropped, 10), "}\n"...)
	}
	b = appendField(b, `,"caller":`, l.Caller)
	b = appendRequest(append(b, `,"request":{`...), l)
	b = appendField(b, `,"subject_key":`, l.SubjectKey)
	b = appendDecision(append(b, `,"response":{`...), &l.Decision)
	if l.HasState {
		b = strconv.AppendUint(append(b, `,"state_revision":`...), uint64(l.Decision.StateRevision), 10)
	}
	if l.Latency > 0 {
		b = strconv.AppendInt(append(b, `,"latency_ns":`...), int64(l.Latency), 10)
	}
	if l.Answers > 0 {
		b = strconv.AppendUint(append(b, `,"answers":`...), l.Answers, 10)
	}
	b = appendList(b, `,"masked":`, l.Masked)
	return append(b, "}\n"...)
}

func appendRequest(b []byte, l *Line) []byte {
	r := &l.Request
	b = appendString(append(b, `"controller":`...), r.Subject.Controller)
	b = appendField(b, `,"subject_id":`, r.Subject.ID)
	b = appendString(append(b, `,"purpose":`...), r.Purpose)
	b = appendList(b, `,"data_categories":`, r.DataCategories)
	if r.Recipient != (consent.Recipient{}) {
		b = append(append(append(b, `,"recipient":{"kind":"`...), recipientName(r.Recipient.Kind)...), '"')
		b = appendField(b, `,"id":`, r.Recipient.ID)
		b = append(appendField(b, `,"country":`, r.Recipient.Country), '}')
	}
	if len(l.Context) > 0 {
		b = append(append(b, `,"context":`...), l.Context...)
	}
	return append(b, '}')
}

func recipientName(k consent.RecipientKind) string {
	if k == 0 {
		return ""
	}
	return k.String()
}

func appendDecision(b []byte, d *consent.Decision) []byte {
	b = append(append(append(b, `"decision":"`...), d.Effect.String()...), '"')
	for i := range d.Reasons {
		b = appendNext(b, i, `,"reasons":[`)
		b = append(append(append(b, `{"code":"`...), d.Reasons[i].Code.String()...), '"')
		b = append(appendField(b, `,"clause":`, d.Reasons[i].Clause), '}')
	}
	b = appendEnd(b, len(d.Reasons))
	if d.Basis != 0 {
		b = append(append(append(b, `,"legal_basis":"`...), d.Basis.String()...), '"')
	}
	for i := range d.Obligations {
		b = appendNext(b, i, `,"obligations":[`)
		b = append(append(append(b, `{"code":"`...), d.Obligations[i].Code.String()...), '"')
		b = append(appendParameters(b, &d.Obligations[i].Parameters), '}')
	}
	b = appendEnd(b, len(d.Obligations))
	b = appendList(b, `,"permitted_data_categories":`, d.PermittedDataCategories)
	if d.ValidUntil != 0 {
		b = appendTime(append(b, `,"valid_until":`...), d.ValidUntil)
	}
	b = appendField(b, `,"policy_revision":`, d.PolicyRevision)
	b = appendField(b, `,"decision_id":`, d.ID)
	if d.Degraded != 0 {
		b = append(append(append(b, `,"degraded":"`...), d.Degraded.String()...), '"')
	}
	if d.StateAge != 0 {
		b = append(append(append(b, `,"state_age":"`...), seconds(d.StateAge)...), '"')
	}
	return append(b, '}')
}

// seconds is a duration as JSON of protobuf has it: 1.5s.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s" }

func appendParameters(b []byte, p *consent.Parameters) []byte {
	if p.Country == "" && len(p.Categories) == 0 && p.Signal == "" && p.Time == 0 {
		return b
	}
	begin := len(b) + len(`,"parameters":{`)
	b = appendField(append(b, `,"parameters":{`...), `,"country":`, p.Country)
	b = appendField(appendList(b, `,"categories":`, p.Categories), `,"signal":`, p.Signal)
	if p.Time != 0 {
		b = appendTime(append(b, `,"time":`...), p.Time)
	}
	b = slices.Delete(b, begin, begin+1) // the first comma
	return append(b, '}')
}

// appendNext opens a list at its first element, and separates the others.
func appendNext(b []byte, i int, open string) []byte {
	if i == 0 {
		return append(b, open...)
	}
	return append(b, ',')
}

func appendEnd(b []byte, n int) []byte {
	if n == 0 {
		return b
	}
	return append(b, ']')
}

func appendList(b []byte, name string, values []string) []byte {
	for i, v := range values {
		if i == 0 {
			b = append(append(b, name...), '[')
		} else {
			b = append(b, ',')
		}
		b = appendString(b, v)
	}
	return appendEnd(b, len(values))
}

// appendField appends a name and a string, or nothing for an empty one.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, name...), value)
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string (RFC 8259 §7). encoding/json would allocate, and escape <, > and &.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := plain(s); i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[from:i]...)
		switch {
		case c >= utf8.RuneSelf:
			b = append(b, "\uFFFD"...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}

// plain is how many of the first bytes stand for themselves: mostly all.
func plain(s string) int {
	for i := range len(s) {
		if !asIs[s[i]] {
			return i
		}
	}
	return len(s)
}

// asIs are the bytes that stand for themselves in a JSON string.
var asIs = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// appendTime appends an instant as a JSON string in RFC 3339, in UTC. time.AppendFormat took a fifth of a line's time.
func appendTime(b []byte, at consent.Instant) []byte {
	t := at.Time()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = appendDigits(append(b, '"'), year, 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	if nanos := t.Nanosecond(); nanos > 0 {
		b = appendDigits(append(b, '.'), nanos, 9)
	}
	return append(b, 'Z', '"')
}

// appendDigits appends the last digits of v, with zeros in front.
func appendDigits(b []byte, value, width int) []byte {
	v := uint32(value)
	var digits [9]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, digits[:width]...)
}

// AppendContext appends a request's context as JSON, with its keys sorted.
func AppendContext(b []byte, context map[string]any) []byte { return appendValue(b, context) }

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		return appendNumber(b, v)
	case string:
		return appendString(b, v)
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, item)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(append(appendString(b, key), ':'), v[key])
		}
		return append(b, '}')
	default:
		return append(b, "null"...) // a context has no other kinds
	}
}

// appendNumber appends a number that reads back as the same.
func appendNumber(b []byte, v float64) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...) // no number of a context is infinite
	}
	return append(b, text...)
}
