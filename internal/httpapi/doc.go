// Package httpapi is the HTTP edge: it turns requests into calls of the domains and their results into answers. It is
// the only package, with internal/app, that knows Echo and the generated API types.
//
// # How to add an operation
//
//  1. Describe it in api/openapi.yaml: operationId (a verb and a noun), one tag, every answer that it can give, and what
//     the edge reads at start: security (left out: a bearer token is needed; []: public), x-rate-limit (a class, or
//     none), x-max-body-bytes (0 where there is no body) and, if it may be repeated, x-idempotent with the
//     Idempotency-Key parameter. TestSpec_everyOperationDeclares fails for what was forgotten, and New refuses to start.
//  2. Generate: make generate.
//  3. Build. The compiler now says that Server does not implement api.StrictServerInterface (missing method
//     YourOperation). That is halfway, and as it should be.
//  4. Write the method in the file of its tag (auth.go, project.go, jobs.go …), on that tag's struct. It translates and
//     nothing more: principalFrom(ctx) and clientFrom(ctx) say who is asking, the request is already valid as far as the
//     spec can say, one domain call does the work, and the method ends in "return nil, err". Under 25 lines.
//  5. Test it through the generated client against the whole app, one function for each status:
//     TestQueueProject_409_insufficientCredits. speccheck holds every answer against the spec.
//
// A list takes decodeCursor and answers encodeCursor; a stream of events returns sse.Respond; a repeatable operation
// hands idempotencyKey to its domain.
//
// # What stands in front of a handler
//
// In this order: request id and client (requestid.go, client.go), access log and recovery (accesslog.go), security
// headers and CORS (headers.go, cors.go), authentication (security.go), body limit and validation against the spec
// (validate.go), rate limit (limit.go). A handler's error, like every other, becomes an answer in problem.go and
// nowhere else.
package httpapi
