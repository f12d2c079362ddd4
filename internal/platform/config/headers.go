package config

import (
	"fmt"
	"net/url"
	"strings"
)

// OTLPHeaderMap returns the headers of OTEL_EXPORTER_OTLP_HEADERS: name=value, separated by commas, with the values
// percent-encoded (https://opentelemetry.io/docs/specs/otel/protocol/exporter/). The error does not quote the variable.
func (c Config) OTLPHeaderMap() (map[string]string, error) {
	headers := map[string]string{}
	for pair := range strings.SplitSeq(string(c.OTLPHeaders), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, raw, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(raw))
		if !ok || err != nil || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("header %d is no name=value", len(headers)+1)
		}
		headers[strings.TrimSpace(name)] = value
	}
	return headers, nil
}
