package consentd.lib.marks_test

import data.consentd.lib.fixture
import data.consentd.lib.marks

_objections(objections) := fixture.example("product_analytics", {"objections": objections})

test_raised_for_the_purpose_or_for_all if {
	marks.objected_at == fixture.ago(3) with input as _objections({"purposes": {"product_analytics": fixture.raised(3)}})
	marks.objected_at == fixture.ago(3) with input as _objections({"all": fixture.raised(3), "purposes": {}})
}

test_gdpr_21_raised_for_all_after_the_lifting_for_one if {
	every lifted in [3, 1] {
		marks.objected_at == fixture.ago(1) with input as _objections({
			"all": fixture.raised(1),
			"purposes": {"product_analytics": fixture.lifted(lifted)},
		})
	}
}

test_gdpr_21_exempt_by_the_newer_lifting_for_one if {
	not marks.objected_at with input as _objections({
		"all": fixture.raised(3),
		"purposes": {"product_analytics": fixture.lifted(1)},
	})
}

test_gdpr_21_raised_for_one_whatever_was_lifted_for_all if {
	every raised in [9, 1] {
		marks.objected_at == fixture.ago(raised) with input as _objections({
			"all": fixture.lifted(1),
			"purposes": {"product_analytics": fixture.raised(raised)},
		})
	}
}

test_gdpr_21_the_newest_of_those_that_cover_counts if {
	every for_one, for_all in {9: 1, 1: 9} {
		marks.objected_at == fixture.ago(1) with input as _objections({
			"all": fixture.raised(for_all),
			"purposes": {"product_analytics": fixture.raised(for_one)},
		})
	}
}

test_shared_objections_are_lifted_as_one if {
	subject := fixture.subject({"objections": {
		"all": fixture.raised(5),
		"purposes": {"marketing_email": fixture.raised(9), "survey_email": fixture.lifted(1)},
	}})
	every purpose in ["marketing_email", "survey_email"] {
		not marks.objected_at with input as fixture.asked("jasminai", purpose, {"subject": subject})
		marks.objection_recorded with input as fixture.asked("jasminai", purpose, {"subject": subject})
	}
}

test_not_raised_for_other_purposes if {
	not marks.objected_at with input as _objections({"purposes": {"ai_training": fixture.raised(3)}})
}

test_not_raised_where_only_an_event_without_count_was_recorded if {
	given := _objections({"purposes": {"product_analytics": {"raised": false, "time": 0}}})
	not marks.objected_at with input as given
	marks.objection_recorded with input as given
}

test_not_recorded_without_any if {
	not marks.objection_recorded with input as fixture.asked("example", "product_analytics", {})
	not marks.objected_at with input as fixture.asked("example", "product_analytics", {})
}

test_recorded_for_all if marks.objection_recorded with input as _objections({"all": fixture.lifted(1), "purposes": {}})

test_objected_to_all_stands_until_lifted_for_all if {
	marks.objected_to_all_at == fixture.ago(9) with input as _objections({
		"all": fixture.raised(9),
		"purposes": {"product_analytics": fixture.lifted(1)},
	})
	not marks.objected_to_all_at with input as _objections({"all": fixture.lifted(9), "purposes": {}})
}

test_restricted_by_each_ground_apart if {
	marks.restricted_at == {fixture.ago(9), fixture.ago(2)} with input as fixture.example("storage", {"restrictions": {
		"ACCURACY_CONTESTED": {"all": fixture.raised(9), "purposes": {}},
		"UNLAWFUL_PROCESSING": {"purposes": {"storage": fixture.raised(2)}},
		"OBJECTION_PENDING": {"all": fixture.raised(9), "purposes": {"storage": fixture.lifted(1)}},
		"DATA_NEEDED_FOR_CLAIMS": {"purposes": {"ai_training": fixture.raised(1)}},
	}})
}

test_shared_objections_are_one if {
	subject := fixture.subject({"objections": {"purposes": {
		"marketing_email": fixture.lifted(3),
		"survey_email": fixture.raised(1),
	}}})
	marks.objected_at == fixture.ago(1) with input as fixture.asked("jasminai", "marketing_email", {"subject": subject})
}
