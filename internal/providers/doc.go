// Package providers declares what jobs, the chat and package safety ask of an AI vendor, and how a vendor can fail.
//
// [Image] draws, [Text] writes replies, [Moderator] looks at a picture before it is copied. Each vendor has a package below this
// one, whose Vendor function registers what it offers; package app opens the vendors whose keys are set, puts a breaker (package
// breaker) around each model, and fills a [Registry] with who draws for which model of the catalog. A model that is not in the
// registry can't be used. Outside production the built-in package local draws for the models that have no vendor.
//
// What holds for every adapter, and is tested for each by test/conformance/providertest:
//
//   - A vendor's failure is an [*Error], whose [Class] says what the caller can do about it, and which contains nothing that was
//     sent or received. The end of the context and the errors of a [Sink] come back wrapped as they are: they are not the vendor's
//     failures.
//   - An adapter repeats no request that may have been charged for. Retries belong to the worker.
//   - A key is sent to the configured host alone, and no redirect is followed.
//   - What the creator wrote is data in a prompt, quoted by package prompts, and never an instruction.
//
// # How to add a provider
//
//  1. Write internal/providers/<vendor>: an adapter, and a Vendor function like the ones of gemini, seedream and fal, with the
//     vendor's name, its names of our models, and a constructor. Package transport has the HTTP client, its time-outs and the
//     failures of a connection; internal/picture brings a picture to the size that was asked for; internal/download fetches one
//     from a URL. If the vendor's models read prompts of another form than those that are there, add one to package prompts.
//  2. Write test/fakes/<vendor>fake, which answers like the vendor, with its faults, and let a test of the adapter run
//     providertest against it.
//  3. Add its variables to internal/platform/config/config.go, and a row to Vendors there: key, base URL, requests a minute.
//  4. Add the same variables to .env.example. A test compares the two.
//  5. Add <vendor>.Vendor() to the list in internal/app/vendors.go. A test compares it with the rows of step 3.
//  6. For a model that creators have not seen yet, add a row to internal/catalog/catalog.go,
//  7. and its id to the enums of api/openapi.yaml; then run make generate.
//  8. Describe the vendor in docs/providers.md: what it allows and asks for, with sources and prices. The values of the labels
//     provider and model stand in docs/operations.md, the key in docs/deployment.md.
//
// A model for a vendor that is there already takes its row in the vendor's Models, and steps 6 and 7.
package providers
