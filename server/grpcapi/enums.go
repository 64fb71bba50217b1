package grpcapi

import (
	"math"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// The enumerations of the wire and of the domain have the same values, but for those below, which are written out. A
// test compares every value by name, so that neither side can move alone.

// decisionOf never gives an ALLOW for anything but consent.Allow.
func decisionOf(e consent.Effect) consentv1.Decision {
	if e == consent.Allow {
		return consentv1.Decision_DECISION_ALLOW
	}
	return consentv1.Decision_DECISION_DENY
}

// degradationOf is what the checks of a purpose come to for which that is declared.
func degradationOf(w consent.WhenUnavailable) consentv1.Degradation {
	switch w {
	case consent.DenyDegraded:
		return consentv1.Degradation_DEGRADATION_DENIED
	case consent.ServeStale:
		return consentv1.Degradation_DEGRADATION_STALE
	}
	return consentv1.Degradation_DEGRADATION_UNSPECIFIED
}

// actorOf takes an unspecified actor as the subject.
func actorOf(g consentv1.GivenBy) consent.Actor {
	if g == consentv1.GivenBy_GIVEN_BY_UNSPECIFIED {
		return consent.BySubject
	}
	return consent.Actor(g - 1)
}

func givenByOf(a consent.Actor) consentv1.GivenBy { return consentv1.GivenBy(a) + 1 }

// messages are for people; nothing may parse them.
var messages = [math.MaxUint8 + 1]string{
	consent.BasisHolds:                "The legal basis holds and nothing stands against it.",
	consent.PurposeNotDeclared:        "The controller declares no such purpose.",
	consent.PurposeProhibited:         "The controller forbids this purpose.",
	consent.SubjectUnknown:            "Nothing was ever recorded for this subject.",
	consent.ReasonErasureRequested:    "The subject asked for erasure.",
	consent.ReasonAccountClosed:       "The account is closed.",
	consent.AccountDormant:            "The account was idle for as long as idle accounts are kept.",
	consent.RetentionExpired:          "The retention period has passed.",
	consent.Restricted:                "Processing for this purpose is restricted.",
	consent.UnderAge:                  "The subject is known to be too young.",
	consent.OptedOut:                  "The subject opted out.",
	consent.GPCOptOut:                 "The subject opted out by Global Privacy Control.",
	consent.Objected:                  "The subject objected to this purpose.",
	consent.ConsentMissing:            "The purpose needs a consent and there is none that counts.",
	consent.ConsentPending:            "The consent was requested and is not confirmed yet.",
	consent.ConsentRefused:            "The subject refused consent.",
	consent.ConsentWithdrawn:          "The subject withdrew the consent.",
	consent.ConsentInvalidated:        "The consent was found invalid.",
	consent.ConsentExpired:            "The consent has expired.",
	consent.ConsentOutdated:           "The notice has changed materially since the consent was given.",
	consent.ConsentNotExplicit:        "This processing needs an explicit consent and the one given is not.",
	consent.DataCategoryNotPermitted:  "A data category of the request is not permitted.",
	consent.DataCategoryUnspecified:   "The purpose is limited to listed data categories; name those you need.",
	consent.SensitiveDataNotPermitted: "A sensitive data category of the request is not permitted.",
	consent.RecipientNotPermitted:     "The recipient is not permitted, or the purpose needs one and none is named.",
	consent.TransferNotConsented:      "The subject did not consent to a transfer to the recipient's country.",
	consent.NotAnonymized:             "The purpose is limited to anonymized data.",
	consent.ProcessorNotInstructed:    "The customer gave no instruction to process for this purpose.",
	consent.PolicyError:               "The policy could not be evaluated; the processing is denied.",
	consent.ConsentByMinor:            "The subject gave the consent while too young to give it.",
	consent.NoticeUnknown:             "The consent names a version of the notice that nobody can have been shown.",
	consent.StateUnavailable:          "The subject's state could not be read, and the controller has this purpose denied then.",
}
