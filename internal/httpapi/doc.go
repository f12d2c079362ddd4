// Package httpapi is the HTTP API, in four packages. Their arrows run one way: handler → edge → sse, and handler → sse,
// fastjson.
//
//   - edge is what runs in front of every handler, and the one place where an error becomes an answer. It alone knows Echo.
//   - handler has the operations, one file for each tag of the spec with its mapping beside it. It translates requests into
//     calls of the domains and their results into the generated API types, and nothing more.
//   - sse answers with event streams.
//   - fastjson writes the few answers for which reflection is too slow.
//
// # How to add an operation
//
//  1. Describe it in api/openapi.yaml: operationId (a verb and a noun), one tag, every answer that it can give, and what
//     the edge reads at start: security (left out: a bearer token is needed; []: public), x-rate-limit (a class, or
//     none), x-max-body-bytes (0 where there is no body) and, if it may be repeated, x-idempotent with the
//     Idempotency-Key parameter. TestSpec_everyOperationDeclares fails for what was forgotten, and edge.New refuses to
//     start.
//  2. Generate: make generate.
//  3. Build. The compiler now says that handler.Server does not implement api.StrictServerInterface (missing method
//     YourOperation). That is halfway, and as it should be.
//  4. Write the method in handler, in the file of its tag (auth.go, project.go, jobs.go …), on that tag's struct.
//     edge.PrincipalFrom(ctx) and edge.ClientFrom(ctx) say who asks, the request is already valid as far as the spec can
//     say, one domain call does the work, and the method ends in "return nil, err". Under 25 lines.
//  5. Test it through the generated client against the whole app, one function for each status:
//     TestQueueProject_409_insufficientCredits. speccheck holds every answer against the spec.
//
// A list takes decodeCursor and answers encodeCursor (cursor.go, page.go); a stream of events returns sse.Respond; an operation
// that may be repeated hands edge.IdempotencyKey to its domain. An answer that is asked for so often that
// reflection shows in a profile has its schema marked with x-append-json, which generates AppendJSON for its type
// (api/templates/typedef.tmpl); its handler returns it as chat_answers.go does.
//
// # What runs in front of a handler
//
// In this order, all in edge: request id and client (requestid.go, client.go), access log and recovery (accesslog.go),
// security headers and CORS (headers.go, cors.go), authentication (security.go), body limit and validation against the spec
// (validate.go, params.go, jsonbody.go), rate limit (limit.go). A handler's error, like every other, becomes an answer in
// problem.go and nowhere else.
package httpapi
