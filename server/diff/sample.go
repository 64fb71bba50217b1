package diff

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// sample picks the stored subjects whose ids hash lowest: the same ones each time, whoever else is stored, and no
// more of them in memory than it picks.
func (c *comparison) sample(ctx context.Context) ([]stored, error) {
	var picked lowest
	err := c.config.Store.Scan(ctx, "", func(subject consent.Subject, snapshot consent.Snapshot) error {
		h := hashOf(subject)
		if len(picked) < c.request.Sample {
			heap.Push(&picked, hashed{h, stored{subject, snapshot}})
		} else if h < picked[0].hash {
			picked[0] = hashed{h, stored{subject, snapshot}}
			heap.Fix(&picked, 0)
		}
		return nil
	})
	out := make([]stored, len(picked))
	for i, p := range picked {
		out[i] = p.stored
	}
	slices.SortFunc(out, func(a, b stored) int { return compareSubjects(a.subject, b.subject) })
	return out, err
}

func compareSubjects(a, b consent.Subject) int {
	return cmp.Or(cmp.Compare(a.Controller, b.Controller), cmp.Compare(a.ID, b.ID))
}

func hashOf(s consent.Subject) uint64 {
	h := fnv.New64a()
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(s.Controller)))
	_, _ = h.Write(size[:]) // a hash takes everything
	_, _ = h.Write([]byte(s.Controller))
	_, _ = h.Write([]byte(s.ID))
	// FNV's high bits differ little between short ids; a multiplication spreads them.
	sum := h.Sum64()
	sum = (sum ^ sum>>33) * 0xff51afd7ed558ccd
	return sum ^ sum>>33
}

// lowest is a heap with the highest hash on top.
type lowest []hashed

type hashed struct {
	hash uint64
	stored
}

func (l lowest) Len() int           { return len(l) }
func (l lowest) Less(i, j int) bool { return l[i].hash > l[j].hash }
func (l lowest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *lowest) Push(x any) { *l = append(*l, x.(hashed)) }

// Pop implements heap.Interface.
func (l *lowest) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
