package edge

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// What every operation declares in api/openapi.yaml, beside what OpenAPI has of its own.
const (
	extRateLimit    = "x-rate-limit"     // a class of limits; every operation has one
	extMaxBodyBytes = "x-max-body-bytes" // 0: the operation reads no body
	extIdempotent   = "x-idempotent"     // true: Idempotency-Key is accepted
)

const (
	paramIdempotencyKey = "Idempotency-Key"
	jsonMediaType       = "application/json"
)

// operation is one operation of the spec, made ready for requests.
type operation struct {
	id         string // operationId
	secured    bool   // a bearer token is needed
	rateClass  string
	idempotent bool
	maxBody    int64 // bytes

	params   []param
	hasPath  bool
	hasQuery bool

	bodyRequired bool
	bodySchema   *openapi3.Schema // nil: no body is read
	bodyTimes    bool             // the body may have times
	bodyOptions  []openapi3.SchemaValidationOption

	route   *routers.Route
	options *openapi3filter.Options // of parameters
}

// readOperations prepares every operation of doc, by operationId. It fails for one that leaves something undeclared: a
// forgotten limit should stop the start and not be found by an attacker.
func readOperations(doc *openapi3.T) (map[string]*operation, error) {
	operations := map[string]*operation{}
	var faults []error
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o, err := readOperation(doc, item, op)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s %s: %w", method, path, err))
				continue
			}
			operations[o.id] = o
		}
	}
	return operations, errors.Join(faults...)
}

func readOperation(doc *openapi3.T, item *openapi3.PathItem, op *openapi3.Operation) (*operation, error) {
	withFormats := openapi3.WithStringFormatValidators(formats())
	o := &operation{
		id:    op.OperationID,
		route: &routers.Route{Spec: doc},
		options: &openapi3filter.Options{
			MultiError:              true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{withFormats},
		},
		bodyOptions: []openapi3.SchemaValidationOption{
			openapi3.VisitAsRequest(), openapi3.MultiErrors(), openapi3.DefaultsSet(func() {}), withFormats,
		},
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	if o.id == "" {
		fault("no operationId")
	}
	if class, ok := op.Extensions[extRateLimit].(string); !ok || class == "" || class == "none" {
		fault("no %s, without which an account or a stranger could ask as often as it likes", extRateLimit)
	} else {
		o.rateClass = class
	}
	if limit, ok := op.Extensions[extMaxBodyBytes].(float64); !ok || limit < 0 {
		fault("no %s", extMaxBodyBytes)
	} else {
		o.maxBody = int64(limit)
	}
	o.idempotent, _ = op.Extensions[extIdempotent].(bool)

	security := doc.Security
	if op.Security != nil {
		security = *op.Security
	}
	if o.secured = len(security) > 0; o.secured && !onlyBearer(doc, security) {
		fault("the edge knows no security but one HTTP bearer scheme")
	}
	o.readParams(item.Parameters, op.Parameters)
	if hasKey := op.Parameters.GetByInAndName(openapi3.ParameterInHeader, paramIdempotencyKey) != nil; hasKey != o.idempotent {
		fault("%s and the %s parameter go together", extIdempotent, paramIdempotencyKey)
	}
	if err := o.readBodySchema(op.RequestBody); err != nil {
		faults = append(faults, err)
	}
	return o, errors.Join(faults...)
}

// readParams reads the operation's parameters, and those of the path that it does not replace.
func (o *operation) readParams(ofPath, ofOperation openapi3.Parameters) {
	for _, ref := range ofPath {
		if ofOperation.GetByInAndName(ref.Value.In, ref.Value.Name) == nil {
			o.params = append(o.params, newParam(ref.Value))
		}
	}
	for _, ref := range ofOperation {
		o.params = append(o.params, newParam(ref.Value))
	}
	for _, p := range o.params {
		o.hasPath = o.hasPath || p.In == openapi3.ParameterInPath
		o.hasQuery = o.hasQuery || p.In == openapi3.ParameterInQuery
	}
}

func (o *operation) readBodySchema(ref *openapi3.RequestBodyRef) error {
	if (ref != nil) != (o.maxBody > 0) {
		return fmt.Errorf("%s is more than 0 exactly where there is a body", extMaxBodyBytes)
	}
	if ref == nil {
		return nil
	}
	media := ref.Value.Content[jsonMediaType]
	if media == nil || media.Schema == nil || len(ref.Value.Content) != 1 {
		return errors.New("the edge reads no bodies but " + jsonMediaType)
	}
	o.bodyRequired, o.bodySchema, o.bodyTimes = ref.Value.Required, media.Schema.Value, hasTimes(media.Schema.Value)
	return nil
}

// onlyBearer reports whether one bearer token is all that the requirements ask for.
func onlyBearer(doc *openapi3.T, requirements openapi3.SecurityRequirements) bool {
	if len(requirements) != 1 || len(requirements[0]) != 1 {
		return false
	}
	for name := range requirements[0] {
		ref := doc.Components.SecuritySchemes[name]
		if ref == nil || ref.Value.Type != "http" || http.CanonicalHeaderKey(ref.Value.Scheme) != "Bearer" {
			return false
		}
	}
	return true
}
