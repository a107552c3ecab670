{{- define "voc.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "voc.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "voc.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "voc.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "voc.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: voc
{{ include "voc.selector" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "voc.selector" -}}
app.kubernetes.io/name: {{ include "voc.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "voc.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "voc.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "voc.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* Contradictions that a schema cannot see. */}}
{{- define "voc.check" -}}
{{- $w := .Values.worker -}}
{{- if lt (int $w.terminationGracePeriodSeconds) (add (int $w.drainSeconds) 10 | int) -}}
{{- fail (printf "worker.terminationGracePeriodSeconds (%d) must be at least 10 above worker.drainSeconds (%d): a worker that is killed while it drains repeats its last blocks" (int $w.terminationGracePeriodSeconds) (int $w.drainSeconds)) -}}
{{- end -}}
{{- if and $w.autoscaling.enabled $w.keda.enabled -}}
{{- fail "worker.autoscaling.enabled and worker.keda.enabled exclude each other: choose one" -}}
{{- end -}}
{{- range $name, $scaler := dict "autoscaling" $w.autoscaling "keda" $w.keda -}}
{{- if $scaler.enabled -}}
{{- if gt (int $scaler.minReplicas) (int $scaler.maxReplicas) -}}
{{- fail (printf "worker.%s.minReplicas is above maxReplicas" $name) -}}
{{- end -}}
{{- if gt (int $scaler.maxReplicas) (int $.Values.kafka.partitions) -}}
{{- fail (printf "worker.%s.maxReplicas (%d) is above kafka.partitions (%d): the workers above would idle" $name (int $scaler.maxReplicas) (int $.Values.kafka.partitions)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.gateway.autoscaling.enabled (gt (int .Values.gateway.autoscaling.minReplicas) (int .Values.gateway.autoscaling.maxReplicas)) -}}
{{- fail "gateway.autoscaling.minReplicas is above maxReplicas" -}}
{{- end -}}
{{- $sasl := hasPrefix "sasl" .Values.kafka.securityProtocol -}}
{{- if and $sasl (or (not .Values.kafka.username) (not .Values.kafka.passwordSecret)) -}}
{{- fail (printf "kafka.securityProtocol %s needs kafka.username and kafka.passwordSecret" .Values.kafka.securityProtocol) -}}
{{- end -}}
{{- if and (not $sasl) .Values.kafka.username -}}
{{- fail "kafka.username is set, but kafka.securityProtocol is not a sasl one" -}}
{{- end -}}
{{- if and .Values.kafka.clientCertificate (not .Values.kafka.tlsSecret) -}}
{{- fail "kafka.clientCertificate needs kafka.tlsSecret" -}}
{{- end -}}
{{- if and .Values.kafka.tlsSecret (not (has .Values.kafka.securityProtocol (list "ssl" "sasl_ssl"))) -}}
{{- fail (printf "kafka.tlsSecret is set, but kafka.securityProtocol %s does not encrypt: use ssl or sasl_ssl" .Values.kafka.securityProtocol) -}}
{{- end -}}
{{- if and .Values.clickhouse.tlsSecret (not .Values.clickhouse.secure) -}}
{{- fail "clickhouse.tlsSecret is set, but clickhouse.secure is false" -}}
{{- end -}}
{{- if and .Values.gateway.ingress.enabled (not .Values.gateway.ingress.host) -}}
{{- fail "gateway.ingress.enabled needs gateway.ingress.host" -}}
{{- end -}}
{{- end -}}

{{- define "voc.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "voc.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Settings of every program, without secrets. */}}
{{- define "voc.config" -}}
VOC_LOG__FORMAT: json
VOC_KAFKA__BOOTSTRAP: {{ .Values.kafka.bootstrap | quote }}
VOC_KAFKA__SECURITY_PROTOCOL: {{ .Values.kafka.securityProtocol | quote }}
{{- if hasPrefix "sasl" .Values.kafka.securityProtocol }}
VOC_KAFKA__SASL_MECHANISM: {{ .Values.kafka.saslMechanism | quote }}
VOC_KAFKA__USERNAME: {{ .Values.kafka.username | quote }}
{{- end }}
{{- if .Values.kafka.tlsSecret }}
VOC_KAFKA__CA_FILE: /etc/voc/kafka/ca.crt
{{- if .Values.kafka.clientCertificate }}
VOC_KAFKA__CERT_FILE: /etc/voc/kafka/tls.crt
VOC_KAFKA__KEY_FILE: /etc/voc/kafka/tls.key
{{- end }}
{{- end }}
VOC_KAFKA__PARTITIONS: {{ .Values.kafka.partitions | quote }}
VOC_KAFKA__REPLICATION: {{ .Values.kafka.replication | quote }}
VOC_WAREHOUSE__HOST: {{ .Values.clickhouse.host | quote }}
VOC_WAREHOUSE__PORT: {{ .Values.clickhouse.port | quote }}
VOC_WAREHOUSE__DATABASE: {{ .Values.clickhouse.database | quote }}
VOC_WAREHOUSE__USER: {{ .Values.clickhouse.user | quote }}
VOC_WAREHOUSE__SECURE: {{ .Values.clickhouse.secure | quote }}
{{- if .Values.clickhouse.tlsSecret }}
VOC_WAREHOUSE__CA_FILE: /etc/voc/clickhouse/ca.crt
{{- end }}
{{- if .Values.clickhouse.cluster }}
VOC_WAREHOUSE__CLUSTER: {{ .Values.clickhouse.cluster | quote }}
{{- end }}
VOC_WORKER__DRAIN: {{ .Values.worker.drainSeconds | quote }}
VOC_WORKER__HOST: "0.0.0.0"
VOC_WORKER__PORT: "9101"
VOC_WATCH__HOST: "0.0.0.0"
VOC_WATCH__PORT: "9102"
VOC_WATCH__ZONE: {{ .Values.watcher.zone | quote }}
{{- if .Values.watcher.holidays }}
VOC_WATCH__HOLIDAYS: {{ .Values.watcher.holidays | toJson | quote }}
{{- end }}
VOC_GATEWAY__HOST: "0.0.0.0"
VOC_GATEWAY__PORT: "8080"
{{- if .Values.model.existingClaim }}
VOC_MODEL__PATH: /models/{{ .Values.model.subPath }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{/* Environment of every program: the ConfigMap, then what comes from secrets. */}}
{{- define "voc.env" -}}
envFrom:
  - configMapRef:
      name: {{ include "voc.fullname" . }}
{{ include "voc.secrets" . }}
{{- end -}}

{{- define "voc.secrets" -}}
env:
  - name: VOC_PRIVACY__SECRET
    valueFrom:
      secretKeyRef:
        name: {{ .Values.privacy.secretName }}
        key: {{ .Values.privacy.secretKey }}
  {{- if .Values.kafka.passwordSecret }}
  - name: VOC_KAFKA__PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Values.kafka.passwordSecret }}
        key: {{ .Values.kafka.passwordKey }}
  {{- end }}
  {{- if .Values.clickhouse.passwordSecret }}
  - name: VOC_WAREHOUSE__PASSWORD
    valueFrom:
      secretKeyRef:
        name: {{ .Values.clickhouse.passwordSecret }}
        key: {{ .Values.clickhouse.passwordKey }}
  {{- end }}
{{- end -}}

{{- define "voc.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.kafka.tlsSecret }}
- name: kafka-tls
  mountPath: /etc/voc/kafka
  readOnly: true
{{- end }}
{{- if .Values.clickhouse.tlsSecret }}
- name: clickhouse-tls
  mountPath: /etc/voc/clickhouse
  readOnly: true
{{- end }}
{{- end -}}

{{- define "voc.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if .Values.kafka.tlsSecret }}
- name: kafka-tls
  secret:
    secretName: {{ .Values.kafka.tlsSecret }}
{{- end }}
{{- if .Values.clickhouse.tlsSecret }}
- name: clickhouse-tls
  secret:
    secretName: {{ .Values.clickhouse.tlsSecret }}
{{- end }}
{{- end -}}

{{/* The model of a claim: for the worker, which reads texts by it, and the watcher, which takes topics and owners from its taxonomy. */}}
{{- define "voc.modelMount" -}}
- name: models
  mountPath: /models
  readOnly: true
{{- end -}}

{{- define "voc.modelVolume" -}}
- name: models
  persistentVolumeClaim:
    claimName: {{ .Values.model.existingClaim }}
    readOnly: true
{{- end -}}

{{/* Everything of a pod but its containers. Call with (dict "root" $ "part" "worker"). */}}
{{- define "voc.pod" -}}
{{- $values := index .root.Values .part -}}
serviceAccountName: {{ include "voc.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "voc.podSecurity" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "voc.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 3
  failureThreshold: 40
livenessProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 15
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}
