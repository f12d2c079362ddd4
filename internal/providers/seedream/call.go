package seedream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// request is the body of POST /images/generations. Watermark is always sent, because the vendor's default is true.
type request struct {
	Model          string   `json:"model"`
	Prompt         string   `json:"prompt"`
	Image          []string `json:"image,omitempty"` // data URLs
	Size           string   `json:"size"`            // WIDTHxHEIGHT
	ResponseFormat string   `json:"response_format"`
	Watermark      bool     `json:"watermark"`
	Sequential     string   `json:"sequential_image_generation,omitempty"`
}

// answer is what comes back, in a good status as in a bad one: a group's failed item stands in its place, and even a good
// status may carry an error as a whole.
type answer struct {
	Data []struct {
		Picture []byte       `json:"b64_json"`
		Error   *vendorError `json:"error"`
	} `json:"data"`
	Error *vendorError `json:"error"`
}

// maxErrorAnswer bounds what is read of a failure, in bytes.
const maxErrorAnswer = 64 << 10

// ask has one picture drawn. requestID is the vendor's, where it tells one.
func (p *Provider) ask(parent context.Context, body *request) (drawn []byte, requestID string, err error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, "", fmt.Errorf("%s: encode request: %w", Name, err)
	}
	ctx, cancel := context.WithTimeout(parent, p.cfg.CallTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.BaseURL+"/images/generations", bytes.NewReader(encoded))
	if err != nil {
		return nil, "", &providers.Error{
			Provider: Name, Class: providers.Permanent, Reason: "invalid_base_url", Cause: errors.New("the base URL is not one"), Ours: true,
		}
	}
	req.Header.Set("Authorization", "Bearer "+p.cfg.Key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := p.cfg.Client.Do(req)
	if err != nil {
		return nil, "", transport.Failure(parent, Name, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, "", p.refused(parent, res)
	}
	out, err := decode(res.Body)
	if err != nil {
		return nil, "", transport.Failure(parent, Name, err)
	}
	drawn, err = out.picture(res.Header)
	return drawn, requestIDOf(res.Header, ""), err
}

// decode reads an answer. The body bounds itself.
func decode(body io.Reader) (answer, error) {
	var out answer
	err := json.NewDecoder(body).Decode(&out)
	return out, err
}

// picture takes the one picture out of a good status.
func (a answer) picture(header http.Header) ([]byte, error) {
	failed := a.Error
	for _, item := range a.Data {
		if len(item.Picture) > 0 {
			return item.Picture, nil
		}
		if failed == nil {
			failed = item.Error
		}
	}
	if failed != nil {
		return nil, failed.failure(http.StatusOK, header)
	}
	return nil, fail(providers.Transient, "no_image", errors.New("a good answer without a picture"))
}
