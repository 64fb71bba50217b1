package promql

// cases has for each alert series on which it fires, and series on which it is silent.
var cases = map[string]struct{ fires, silent string }{
	"ConsentdDown": {`up{job="consentd", instance="a"} 1 0`, `up{job="consentd", instance="a"} 0 1`},
	"ConsentdRestarts": {
		`process_start_time_seconds{job="consentd"} 1 2 3 4 5`,
		`process_start_time_seconds{job="consentd"} 1 1 1 2 2 3`,
	},
	"ConsentdCannotRecord": {`consentd_store_writable{instance="a"} 1 0`, `consentd_store_writable{instance="a"} 0 1`},
	"ConsentdCallsFail": {`
		grpc_server_handled_total{grpc_service="consent.v1.DecisionService", grpc_method="Check", grpc_code="OK"} 0+980x10
		grpc_server_handled_total{grpc_service="consent.v1.DecisionService", grpc_method="Check", grpc_code="Internal"} 0+20x10`, `
		grpc_server_handled_total{grpc_service="consent.v1.DecisionService", grpc_method="Check", grpc_code="OK"} 0+980x10
		grpc_server_handled_total{grpc_service="consent.v1.DecisionService", grpc_method="Check", grpc_code="InvalidArgument"} 0+500x10
		grpc_server_handled_total{grpc_service="grpc.health.v1.Health", grpc_method="Watch", grpc_code="Unavailable"} 0+500x10
		grpc_server_handled_total{grpc_service="consent.v1.DecisionService", grpc_method="Check", grpc_code="Internal"} 0+2x10`},
	"ConsentdStreamedChecksFail": {`
		consentd_stream_checks_total{grpc_code="OK"} 0+900x10
		consentd_stream_checks_total{grpc_code="Unavailable"} 0+100x10`, `
		consentd_stream_checks_total{grpc_code="OK"} 0+900x10
		consentd_stream_checks_total{grpc_code="NotFound"} 0+100x10`},
	"ConsentdPanics": {`consentd_panics_total 0 0 0 1`, `consentd_panics_total 7 7 7 7`},
	"ConsentdSlowChecks": {`
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.DecisionService", grpc_method="Check", le="0.01"} 0+90x10
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.DecisionService", grpc_method="Check", le="0.1"} 0+100x10
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.DecisionService", grpc_method="Check", le="+Inf"} 0+100x10`, `
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.DecisionService", grpc_method="Check", le="0.001"} 0+100x10
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.DecisionService", grpc_method="Check", le="+Inf"} 0+100x10
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.PolicyService", grpc_method="CheckPolicy", le="0.001"} 0+0x10
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.PolicyService", grpc_method="CheckPolicy", le="10"} 0+9x10
		grpc_server_handling_seconds_bucket{grpc_service="consent.v1.PolicyService", grpc_method="CheckPolicy", le="+Inf"} 0+9x10`},
	"ConsentdSaturated": {`
		go_sched_latencies_seconds_bucket{job="consentd", le="0.01"} 0+90x10
		go_sched_latencies_seconds_bucket{job="consentd", le="0.1"} 0+100x10
		go_sched_latencies_seconds_bucket{job="consentd", le="+Inf"} 0+100x10`, `
		go_sched_latencies_seconds_bucket{job="consentd", le="0.0001"} 0+100x10
		go_sched_latencies_seconds_bucket{job="consentd", le="+Inf"} 0+100x10`},
	"ConsentdMemory": {`
		process_resident_memory_bytes{job="consentd", instance="a"} 97
		go_gc_gomemlimit_bytes{job="consentd", instance="a"} 100`, `
		process_resident_memory_bytes{job="consentd", instance="a"} 97000000
		go_gc_gomemlimit_bytes{job="consentd", instance="a"} 9223372036854775807`},
	"ConsentdFileDescriptors": {`
		process_open_fds{job="consentd"} 900
		process_max_fds{job="consentd"} 1000`, `
		process_open_fds{job="consentd"} 100
		process_max_fds{job="consentd"} 1000`},
	"ConsentdPolicyErrors": {`consentd_policy_errors_total 0 0 3`, `consentd_policy_errors_total 3 3 3`},
	"ConsentdEnginesDiffer": {`consentd_policy_shadow_total{result="different"} 0 1 1 1`, `
		consentd_policy_shadow_total{result="different"} 1 1 1 1
		consentd_policy_shadow_total{result="dropped"} 0+9x3`},
	"ConsentdEnginePanics":       {`consentd_policy_engine_panics_total 0 1`, `consentd_policy_engine_panics_total 1 1`},
	"ConsentdPoliciesRefused":    {`consentd_policy_consecutive_failures 0 1`, `consentd_policy_consecutive_failures 2 0`},
	"ConsentdLastGoodPolicies":   {`consentd_policy_last_good 1`, `consentd_policy_last_good 0`},
	"ConsentdPoliciesBehind":     {`consentd_policy_behind 1`, `consentd_policy_behind 0`},
	"ConsentdPoliciesNotKept":    {`consentd_policy_copies_failed_total 0 1`, `consentd_policy_copies_failed_total 1 1`},
	"ConsentdCertificateExpires": {`consentd_certificate_expires_seconds 600000`, `consentd_certificate_expires_seconds 700000`},
	"ConsentdCertificateFails":   {`consentd_certificate_failing 1`, `consentd_certificate_failing 0`},
	"ConsentdSlowDisk": {`
		consentd_store_commit_seconds_bucket{le="0.1"} 0+90x10
		consentd_store_commit_seconds_bucket{le="0.5"} 0+100x10
		consentd_store_commit_seconds_bucket{le="+Inf"} 0+100x10`, `
		consentd_store_commit_seconds_bucket{le="0.005"} 0+100x10
		consentd_store_commit_seconds_bucket{le="+Inf"} 0+100x10`},
	"ConsentdWritesQueue": {`consentd_store_write_queue 501`, `consentd_store_write_queue 20`},
	"ConsentdStoreReadsFail": {`consentd_cache_loads_total{result="error"} 0+1x10`, `
		consentd_cache_loads_total{result="error"} 5+0x10
		consentd_cache_loads_total{result="ok"} 0+9x10`},
	"ConsentdDegraded": {
		`consentd_degraded_decisions_total{mode="stale"} 0+9x10`,
		`consentd_degraded_decisions_total{mode="stale"} 5+0x10`,
	},
	"ConsentdCacheMisses": {`
		consentd_cache_lookups_total{result="hit"} 0+4000x20
		consentd_cache_lookups_total{result="miss"} 0+6000x20`, `
		consentd_cache_lookups_total{result="hit"} 0+4x20
		consentd_cache_lookups_total{result="miss"} 0+6x20`},
	"ConsentdFencesGivenUp": {`consentd_fences_total{result="given up"} 0 1`, `
		consentd_fences_total{result="given up"} 1 1
		consentd_fences_total{result="complete"} 0 9`},
	"ConsentdWatchersTooSlow": {`consentd_watchers_dropped_total 0+5x10`, `consentd_watchers_dropped_total 0 1 1 1`},
	"ConsentdTracesLost": {`consentd_trace_spans_total{outcome="dropped"} 0+9x20`, `
		consentd_trace_spans_total{outcome="dropped"} 9+0x20
		consentd_trace_spans_total{outcome="exported"} 0+9x20`},
	"ConsentdOverloaded": {`consentd_limits_shed_total{why="queue", class="check"} 0+60x10`, `
		consentd_limits_shed_total{why="queue", class="check"} 5+0x10
		consentd_limits_shed_total{why="caller_rate", class="check"} 0+60x10`},
	"ConsentdWithdrawalsShed": {`consentd_limits_shed_total{why="calls", class="protected"} 0 1`, `
		consentd_limits_shed_total{why="caller_rate", class="protected"} 0 1
		consentd_limits_shed_total{why="queue", class="check"} 0 1`},
	"ConsentdConnectionsRefused": {
		`consentd_connections_refused_total{listener="grpc"} 0 1`,
		`consentd_connections_refused_total{listener="grpc"} 1 1`,
	},
	"ConsentdDecisionLogDrops": {
		`consentd_decision_log_dropped_total{reason="queue"} 0 1`,
		`consentd_decision_log_dropped_total{reason="rule"} 0 9`,
	},
	"ConsentdDecisionLogFails":     {`consentd_decision_log_failing 1`, `consentd_decision_log_failing 0`},
	"ConsentdDecisionLogRulesFail": {`consentd_decision_log_rule_errors_total 0 1`, `consentd_decision_log_rule_errors_total 1 1`},
	"ConsentdAuditFails":           {`consentd_audit_failing 1`, `consentd_audit_failing 0`},
	"ConsentdUsageFails":           {`consentd_usage_failing 1`, `consentd_usage_failing 0`},
	"ConsentdAccessFails":          {`consentd_access_failing 1`, `consentd_access_failing 0`},
	"ConsentdAccessErrors":         {`consentd_access_errors_total 0 1`, `consentd_access_errors_total 1 1`},
	"ConsentdManyDenied": {
		`consentd_access_denied_total{action="export"} 0+90x10`,
		`consentd_access_denied_total{action="export"} 0+6x10`,
	},
	"ConsentdManyRefused": {`consentd_authentications_total{kind="key", outcome="refused"} 0+900x10`, `
		consentd_authentications_total{kind="key", outcome="refused"} 0+60x10
		consentd_authentications_total{kind="key", outcome="ok"} 0+9000x10`},
	"ConsentdKeysFail": {`consentd_jwks_failing 1`, `
		consentd_jwks_failing 0
		consentd_api_keys_failing 0`},
}
