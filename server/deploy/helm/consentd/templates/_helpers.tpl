{{/* The name of all objects. 52 characters leave room for what a StatefulSet appends; a Service may have no dots. */}}
{{- define "consentd.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- $full | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* What never changes in the life of a release: selectors and claims are immutable. */}}
{{- define "consentd.selector" -}}
app.kubernetes.io/name: consentd
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 | trimSuffix "-" | quote }}
{{- end -}}

{{- define "consentd.metadata" -}}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "consentd.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "consentd.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end -}}
{{- end -}}

{{- define "consentd.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "consentd.name" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}{{ end -}}
{{- end -}}

{{- define "consentd.scheme" -}}{{ if .Values.tls.secret }}HTTPS{{ else }}HTTP{{ end }}{{- end -}}

{{/* The folders below /etc/consentd that come from Secrets, as name: Secret. */}}
{{- define "consentd.secrets" -}}
{{- $all := dict -}}
{{- with .Values.tls.secret }}{{ $_ := set $all "tls" . }}{{ end -}}
{{- with .Values.tls.clientCA.secret }}{{ $_ := set $all "client-ca" . }}{{ end -}}
{{- with .Values.apiKeys.secret }}{{ $_ := set $all "api-keys" . }}{{ end -}}
{{- with .Values.access.secret }}{{ $_ := set $all "access" . }}{{ end -}}
{{- with .Values.jwt.jwks.secret }}{{ $_ := set $all "jwks" . }}{{ end -}}
{{- range $name, $secret := .Values.files }}{{ $_ := set $all (printf "files/%s" $name) $secret }}{{ end -}}
{{- toJson $all -}}
{{- end -}}

{{/* How many pods the draining of machines may take at once. */}}
{{- define "consentd.maxUnavailable" -}}
{{- if hasKey .Values.podDisruptionBudget "maxUnavailable" }}{{ int .Values.podDisruptionBudget.maxUnavailable }}
{{- else }}{{ ternary 1 0 (gt (int .Values.replicas) 1) }}{{ end -}}
{{- end -}}

{{/* What holds for every pod, whatever runs in it. */}}
{{- define "consentd.pod" -}}
automountServiceAccountToken: false
# A service of the name consentd would put CONSENTD_… variables into the pod, which are unknown settings.
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with get .Values "user" }}
  runAsUser: {{ int64 . }}
  runAsGroup: {{ int64 . }}
  fsGroup: {{ int64 . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{/* What holds for every container. */}}
{{- define "consentd.container" -}}
image: {{ include "consentd.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* A variable from a Secret: name, secret, key. URLs of databases hold passwords, and the file of settings is no Secret. */}}
{{- define "consentd.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key | quote }}
{{- end -}}

{{/* Where each pod may run: no machine and no zone has two nodes more than another, as far as there are that many. */}}
{{- define "consentd.spread" -}}
topologySpreadConstraints:
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: DoNotSchedule
    nodeTaintsPolicy: Honor
    labelSelector:
      matchLabels: {{- include "consentd.selector" . | nindent 8 }}
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "consentd.selector" . | nindent 8 }}
{{- end -}}

{{/* The faults of values for several nodes. */}}
{{- define "consentd.checkStore" -}}
{{- $v := .Values -}}
{{- if and (gt (int $v.replicas) 1) (not $v.store.existingSecret) }}
{{- fail (printf "replicas: %d pods would each have a store, and so a truth, of its own: name the Secret of a database that they share in store.existingSecret, or set replicas: 1" (int $v.replicas)) }}
{{- end }}
{{- if and (or $v.store.readReplicasKey $v.store.migrate.existingSecret) (not $v.store.existingSecret) }}
{{- fail "store: readReplicasKey and migrate.existingSecret belong to a database: name its Secret in store.existingSecret too" }}
{{- end }}
{{- if and $v.store.existingSecret $v.networkPolicy.enabled (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress: it is empty, so nodes could not reach the database of store.existingSecret: let them, such as by [{ports: [{port: 5432}]}]" }}
{{- end }}
{{- end -}}

{{/* The file of settings. All values are strings, so that no number is written as 1e+06. */}}
{{- define "consentd.settings" -}}
{{- $v := .Values -}}
{{- include "consentd.checkStore" . }}
{{- if and (not $v.tls.secret) (not $v.insecure) }}
{{- fail "tls.secret: it is empty, so the server would speak plaintext: name a Secret with tls.crt and tls.key, or permit it by insecure: true" }}
{{- end }}
{{- if and $v.tls.clientCA.secret (not $v.tls.secret) }}
{{- fail "tls.clientCA.secret: certificates of clients need TLS: name a Secret in tls.secret too" }}
{{- end }}
{{- if and $v.jwt.jwks.url $v.jwt.jwks.secret }}
{{- fail "jwt.jwks: both url and secret are set: keep one" }}
{{- end }}
{{- $jwks := or $v.jwt.jwks.url $v.jwt.jwks.secret }}
{{- if and (or $v.jwt.issuer $v.jwt.audience $jwks) (not (and $v.jwt.issuer $v.jwt.audience $jwks)) }}
{{- fail "jwt: issuer, audience and one of jwks.url and jwks.secret belong together: set all three or none" }}
{{- end }}
{{- $s := dict "grpc-addr" ":7070" "http-addr" ":7071" "data-dir" "/var/lib/consentd/data" }}
{{- $_ := set $s "drain-timeout" (printf "%ds" (int $v.drainSeconds)) }}
{{- if $v.tls.secret }}
{{- $_ := set $s "tls-cert" "/etc/consentd/tls/tls.crt" }}
{{- $_ := set $s "tls-key" "/etc/consentd/tls/tls.key" }}
{{- end }}
{{- if $v.tls.clientCA.secret }}{{ $_ := set $s "tls-client-ca" (printf "/etc/consentd/client-ca/%s" $v.tls.clientCA.key) }}{{ end }}
{{- if $v.insecure }}{{ $_ := set $s "insecure" "true" }}{{ end }}
{{- if $v.apiKeys.secret }}{{ $_ := set $s "api-keys" (printf "/etc/consentd/api-keys/%s" $v.apiKeys.key) }}{{ end }}
{{- if $v.access.secret }}{{ $_ := set $s "access" (printf "/etc/consentd/access/%s" $v.access.key) }}{{ end }}
{{- if $jwks }}
{{- $_ := set $s "jwt-issuer" $v.jwt.issuer }}
{{- $_ := set $s "jwt-audience" $v.jwt.audience }}
{{- $_ := set $s "jwks" (default (printf "/etc/consentd/jwks/%s" $v.jwt.jwks.key) $v.jwt.jwks.url) }}
{{- end }}
{{- range $name, $value := $v.settings }}
{{- if has $name (list "store" "read-replicas") }}
{{- fail (printf "settings.%s: it holds a password, and the file of settings is no Secret: use store.existingSecret" $name) }}
{{- end }}
{{- if has $name (list "grpc-addr" "http-addr" "data-dir" "drain-timeout" "tls-cert" "tls-key" "tls-client-ca" "insecure" "api-keys" "jwt-issuer" "jwt-audience" "jwks" "access" "config") }}
{{- fail (printf "settings.%s: the chart sets it: remove it here, and see values.yaml for what sets it there" $name) }}
{{- end }}
{{- if and (kindIs "float64" $value) (eq (floor $value) $value) }}{{ $_ := set $s $name ($value | int64 | toString) }}
{{- else }}{{ $_ := set $s $name ($value | toString) }}{{ end }}
{{- end }}
{{- range $name, $value := $s }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}
