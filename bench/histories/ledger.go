package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// ledger is what the store has of each subject: the revisions of writes by their numbers.
type ledger []map[int]uint64

func textOf(token [maxToken]byte) string { return string(bytes.TrimRight(token[:], "\x00")) }

// ledgerTimeout is how long a node may take until it answers, after whatever has been mended.
const ledgerTimeout = 2 * time.Minute

// ledgerOf reads all ledgers by a node.
func (w *world) ledgerOf(ctx context.Context, n *node) (ledger, error) {
	ctx, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	conn, err := grpc.NewClient(n.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	all := make(ledger, len(w.checker.subjects))
	for subject := range all {
		for all[subject] == nil {
			if all[subject], err = entriesOf(ctx, consentv1.NewConsentServiceClient(conn), subject); err != nil && ctx.Err() != nil {
				return nil, fmt.Errorf("reading the ledger of subject %d by node %d: %w", subject, n.number, err)
			}
			if err != nil {
				pauseFor(ctx, 50*time.Millisecond)
			}
		}
	}
	return all, nil
}

func entriesOf(ctx context.Context, c consentv1.ConsentServiceClient, subject int) (map[int]uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found := map[int]uint64{}
	request := &consentv1.ListEventsRequest{Controller: controller, SubjectId: subjectID(subject), PageSize: 1000}
	for {
		page, err := c.ListEvents(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetEntries() {
			_, number, _ := strings.Cut(e.GetEvent().GetId(), "/")
			n, err := strconv.Atoi(number)
			if err != nil || e.GetEvent().GetId() != eventID(subject, n) {
				return nil, fmt.Errorf("subject %d has the event %q", subject, e.GetEvent().GetId())
			}
			found[n] = e.GetRevision()
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			return found, nil
		}
	}
}

// judgeLedger compares what was acknowledged with what the store has at the end, as a node shows it.
func (k *checker) judgeLedger(node int, l ledger) {
	taken := map[uint64]string{}
	newest := uint64(0)
	for i := range k.subjects {
		k.judgeEntries(node, i, l[i])
		for n, revision := range l[i] {
			if other := taken[revision]; other != "" {
				k.note(ruleRevisions, "node %d: revision %d is of %s and of %s", node, revision, other, eventID(i, n))
			}
			taken[revision] = eventID(i, n)
			newest = max(newest, revision)
		}
	}
	for r := uint64(1); r <= newest; r++ {
		if taken[r] == "" {
			k.note(ruleRevisions, "node %d: revision %d is missing, the newest is %d", node, r, newest)
		}
	}
}

func (k *checker) judgeEntries(node, subject int, found map[int]uint64) {
	for i := range k.subjects[subject].writes {
		w := &k.subjects[subject].writes[i]
		revision, is := found[i+1]
		switch {
		case !is && w.acked != 0 && !w.lost:
			k.note(ruleLedger, "node %d: event %s, acknowledged at %s with revision %d, is missing", node, eventID(subject, i+1),
				clock(w.acked), w.revision)
		case is && w.lost:
			k.note(ruleLost, "node %d: event %s was lost and is there", node, eventID(subject, i+1))
		case is && w.exact && w.revision != revision:
			k.note(ruleRevisions, "node %d: event %s was acknowledged with revision %d and has %d", node, eventID(subject, i+1),
				w.revision, revision)
		}
	}
}

// note notes a violation that is not of one check.
func (k *checker) note(broken rule, format string, values ...any) {
	k.broken[broken]++
	if k.broken[broken] <= shownOfRule {
		k.violations = append(k.violations, violation{broken, fmt.Sprintf(format, values...)})
	}
}
