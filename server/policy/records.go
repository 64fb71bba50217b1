package policy

import (
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// The input of policies (policies/INPUT.md) is built as values of the engine, without a detour through JSON, maps or
// OPA's terms: a record has a fixed set of interned keys, and an absent field no value. Below, each record's fields and
// their keys are declared side by side; all code names a field by its constant.

// The fields of a request.
const (
	requestController = iota
	requestPurpose
	requestCategories
	requestRecipient
	requestContext
	requestNow
	requestSubject
	requestFields
)

var requestKeys = [requestFields]string{
	requestController: "controller",
	requestPurpose:    "purpose",
	requestCategories: "data_categories",
	requestRecipient:  "recipient",
	requestContext:    "context",
	requestNow:        "now",
	requestSubject:    "subject",
}

// The fields of a recipient.
const (
	recipientKind = iota
	recipientID
	recipientCountry
	recipientFields
)

var recipientKeys = [recipientFields]string{recipientKind: "kind", recipientID: "id", recipientCountry: "country"}

// The fields of a subject: first those that depend on the state alone.
const (
	subjectKnown = iota
	subjectJurisdiction
	subjectAccountStatus
	subjectLastActivityAt
	subjectRetentionUntil
	subjectErasure
	subjectErasureAt
	subjectSignals
	subjectOptOuts
	subjectConsents
	subjectObjections
	subjectRestrictions
	subjectRelationship
	preparedFields
)

const (
	subjectID = preparedFields + iota
	subjectAgeMin
	subjectAgeMax
	subjectFields
)

var subjectKeys = [subjectFields]string{
	subjectKnown:          "known",
	subjectJurisdiction:   "jurisdiction",
	subjectAccountStatus:  "account_status",
	subjectLastActivityAt: "last_activity_at",
	subjectRetentionUntil: "retention_until",
	subjectErasure:        "erasure",
	subjectErasureAt:      "erasure_at",
	subjectSignals:        "signals",
	subjectOptOuts:        "opt_outs",
	subjectConsents:       "consents",
	subjectObjections:     "objections",
	subjectRestrictions:   "restrictions",
	subjectRelationship:   "relationship",
	subjectID:             "id",
	subjectAgeMin:         "age_min",
	subjectAgeMax:         "age_max",
}

// The fields of what is on record of consents to a purpose, or for one recipient.
const (
	consentStatus = iota
	consentGivenBy
	consentExplicit
	consentEvidence
	consentNoticeVersion
	consentCountries
	consentExpiresAt
	consentGivenAt
	consentDeniedAt
	consentDenied
	consentRequestedAt
	consentRequestedBeforeGivenAt
	consentRecipients
	consentAgeMin
	consentAgeMax
	consentFields
)

var consentKeys = [consentFields]string{
	consentStatus:                 "status",
	consentGivenBy:                "given_by",
	consentExplicit:               "explicit",
	consentEvidence:               "evidence",
	consentNoticeVersion:          "notice_version",
	consentCountries:              "countries",
	consentExpiresAt:              "expires_at",
	consentGivenAt:                "given_at",
	consentDeniedAt:               "denied_at",
	consentDenied:                 "denied",
	consentRequestedAt:            "requested_at",
	consentRequestedBeforeGivenAt: "requested_before_given_at",
	consentRecipients:             "recipients",
	consentAgeMin:                 "age_min",
	consentAgeMax:                 "age_max",
}

// The fields of objections, and of the restrictions of one ground.
const (
	marksAll = iota
	marksPurposes
	marksFields
)

var marksKeys = [marksFields]string{marksAll: "all", marksPurposes: "purposes"}

const (
	markRaised = iota
	markTime
	markFields
)

var markKeys = [markFields]string{markRaised: "raised", markTime: "time"}

// The fields of signals.
const (
	signalsGPC = iota
	signalsDNT
	signalsFields
)

var signalsKeys = [signalsFields]string{signalsGPC: "gpc", signalsDNT: "dnt"}

const (
	signalValue = iota
	signalTime
	signalFields
)

var signalKeys = [signalFields]string{signalValue: "value", signalTime: "time"}

// The fields of opt-outs are those of consent.State.OptOuts.
const optOutsFields = len(consent.State{}.OptOuts)

var optOutsKeys = [optOutsFields]string{
	consent.SaleOrSharing - 1:    consent.SaleOrSharing.String(),
	consent.SensitiveDataUse - 1: consent.SensitiveDataUse.String(),
}

const (
	optOutLifted = iota
	optOutTime
	optOutFields
)

var optOutKeys = [optOutFields]string{optOutLifted: "lifted", optOutTime: "time"}

// The fields of a relationship.
const (
	relationshipLastSaleAt = iota
	relationshipSellingEntity
	relationshipOptOutOffered
	relationshipFields
)

var relationshipKeys = [relationshipFields]string{
	relationshipLastSaleAt:    "last_sale_at",
	relationshipSellingEntity: "selling_entity",
	relationshipOptOutOffered: "opt_out_offered",
}

// records are the shapes of the records above, in one table of symbols.
type records struct {
	request, recipient, subject, consent, marks, mark, signals, signal, optOuts, optOut, relationship *engine.Shape

	emptyObject, emptyArray engine.Value
}

func newRecords(sym *engine.Symbols) *records {
	shape := func(keys []string) *engine.Shape { return engine.NewShape(sym, keys...) }
	frozen := engine.NewHeap(sym)
	sym.Intern(enumNames()...)
	return &records{
		request:      shape(requestKeys[:]),
		recipient:    shape(recipientKeys[:]),
		subject:      shape(subjectKeys[:]),
		consent:      shape(consentKeys[:]),
		marks:        shape(marksKeys[:]),
		mark:         shape(markKeys[:]),
		signals:      shape(signalsKeys[:]),
		signal:       shape(signalKeys[:]),
		optOuts:      shape(optOutsKeys[:]),
		optOut:       shape(optOutKeys[:]),
		relationship: shape(relationshipKeys[:]),
		emptyObject:  frozen.Object(),
		emptyArray:   frozen.Array(),
	}
}

// enumNames are the names of enumerations that an input can hold; interned, they cost a state nothing.
func enumNames() (names []string) {
	for _, s := range []consent.Status{consent.Requested, consent.Given, consent.Refused, consent.Withdrawn, consent.Invalidated} {
		names = append(names, s.String())
	}
	for _, a := range []consent.Actor{consent.BySubject, consent.ByParent, consent.ByAgent, consent.ByController} {
		names = append(names, a.String())
	}
	for k := consent.Processor; k <= consent.Authority; k++ {
		names = append(names, k.String())
	}
	return names
}

// specialized are the paths of an input that decide most, of those that take few values: whose policy, for what, to
// whom, and where. The engine prepares policies for each combination that is asked for.
var specialized = [][]string{
	{requestKeys[requestController]},
	{requestKeys[requestPurpose]},
	{requestKeys[requestRecipient], recipientKeys[recipientKind]},
	{requestKeys[requestSubject], subjectKeys[subjectJurisdiction]},
}
