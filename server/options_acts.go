package main

import (
	"errors"
	"strconv"

	"github.com/consentd/consentd/server/usage"
)

// actsSettings are those of the audit of acts and of the record of processing.
func actsSettings() []setting {
	return []setting{
		{name: "audit-file", usage: "file of the audit of acts; default audit/acts.jsonl in the data directory",
			set: text(func(o *options) *string { return &o.config.Acts.File })},
		{name: "audit-rotate", fallback: "64MiB",
			usage: "size at which the audit's file is numbered and another begun; none is ever removed",
			set:   setAuditRotate},
		{name: "usage-keep", fallback: strconv.Itoa(usage.DefaultKeepDays),
			usage: "how many days of the record of processing are kept, from 1 to 3660",
			set:   setUsageKeep},
	}
}

func setAuditRotate(o *options, value string) (err error) {
	if o.config.Acts.Rotate, err = parseSize(value); err == nil && o.config.Acts.Rotate == 0 {
		return errors.New("give a size from 1MiB on")
	}
	return err
}

func setUsageKeep(o *options, value string) (err error) {
	if o.config.Usage.KeepDays, err = strconv.Atoi(value); err != nil || o.config.Usage.KeepDays < 1 {
		return errors.New("give a number of days from 1 on, such as 400")
	}
	return nil
}
