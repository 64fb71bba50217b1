//go:build linux

package client

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// safetyPersonIDs is how many ids each subject has in TestNearCacheSafetyOfPeople.
const safetyPersonIDs = 3

// TestNearCacheSafetyOfPeople is TestNearCacheSafety with people of several ids: what is given under one is withdrawn
// under another, and checked under all. At times the last id is parted and given a consent of its own, which only the
// link ends that follows the withdrawal of the others.
func TestNearCacheSafetyOfPeople(t *testing.T) {
	s := requireSafe(t, safetyConfig{ids: safetyPersonIDs})
	if links := s.links.Load(); links < int64(*safetyWithdrawals)/8 {
		t.Errorf("only %d links ended a consent: the test says little", links)
	}
}

// safetyID is the n-th id of a subject.
func safetyID(subject, n int) string {
	if n == 0 {
		return fmt.Sprintf("subject-%d", subject)
	}
	return fmt.Sprintf("subject-%d/%d", subject, n)
}

// recordUnder is the id under which the next event is recorded: another than that of the last, and one of those that
// are linked.
func (s *safety) recordUnder(subject int) string {
	linked := s.config.ids
	if s.parted[subject] {
		linked--
	}
	return safetyID(subject, s.recordings[subject]%linked)
}

// linkAll makes people of all ids.
func (s *safety) linkAll(ctx context.Context, c *Client) {
	for subject := range safetySubjects {
		for n := 1; n < s.config.ids; n++ {
			s.link(ctx, c, subject, n, false)
		}
	}
}

// part makes the last id of a subject a person of its own, to whom consent is given. No check of the subject is
// judged now.
func (s *safety) part(ctx context.Context, c *Client, subject int) {
	if s.config.ids == 1 || s.parted[subject] {
		return
	}
	last := s.config.ids - 1
	request := NewUnlink("example", safetyID(subject, 0), safetyID(subject, last), "support", "urn:case:1")
	request.OccurredAt = s.nextTime(subject)
	if !s.acknowledged(ctx, func() (*consentv1.EventOutcome, error) {
		done, err := c.UnlinkSubjects(ctx, request)
		return done.GetOutcome(), err
	}) {
		return
	}
	s.parted[subject] = true
	s.recordAs(ctx, c, safetyID(subject, last), s.event(subject, nearGiven), false)
}

// rejoin links the id that was parted; false if ctx ended first.
func (s *safety) rejoin(ctx context.Context, c *Client, subject int, fence bool) bool {
	if !s.parted[subject] {
		return true
	}
	if !s.link(ctx, c, subject, s.config.ids-1, fence) {
		return false
	}
	s.parted[subject] = false
	s.links.Add(1)
	return true
}

// link links the n-th id of a subject with its first; false if ctx ended before it was acknowledged.
func (s *safety) link(ctx context.Context, c *Client, subject, n int, fence bool) bool {
	request := NewLink("example", safetyID(subject, 0), safetyID(subject, n), "login")
	request.OccurredAt, request.Fence = s.nextTime(subject), fence
	return s.acknowledged(ctx, func() (*consentv1.EventOutcome, error) {
		done, err := c.LinkSubjects(ctx, request)
		return done.GetOutcome(), err
	})
}

// acknowledged repeats a write until it is acknowledged; false if ctx ended first.
func (s *safety) acknowledged(ctx context.Context, write func() (*consentv1.EventOutcome, error)) bool {
	for ctx.Err() == nil {
		if outcome, err := write(); err == nil {
			s.requireCounts(outcome)
			return true
		}
		pauseFor(ctx, 5*time.Millisecond)
	}
	return false
}

// nextTime is when the next event of a subject occurs. It lies in the past, so that the server's clock may step, and
// each is a second newer than the one before: a withdrawal counts to the end of its second.
func (s *safety) nextTime(subject int) *timestamppb.Timestamp {
	s.recordings[subject]++
	return timestamppb.New(s.began.Add(time.Duration(s.recordings[subject]) * time.Second))
}
