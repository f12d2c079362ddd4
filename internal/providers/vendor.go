package providers

import (
	"net/http"
	"time"
)

// ChatModel is our id of the model that writes the chat's replies and moderates pictures. It is not in the catalog.
const ChatModel = "chat"

// Vendor is what the package of a vendor offers to the wiring, which has one list of all vendors.
type Vendor struct {
	Name string // as it stands in jobs, metrics and the catalog
	// Models has the vendor's names of the models that it runs for us, by our ids: the catalog's and [ChatModel]. Vendors retire
	// models, so these go stale; PROVIDER_MODELS replaces them, and docs/providers.md says where each comes from.
	Models map[string]string
	// MaxAnswer bounds an answer, in bytes. The client of [Account] fails while it reads a larger one.
	MaxAnswer int64
	// Open makes the adapters. It dials nothing.
	Open func(Account) (Adapters, error)
}

// Account is how a deployment reaches a vendor.
type Account struct {
	BaseURL string
	Key     string
	// Client sends the requests, within the vendor's rate limit and MaxAnswer. It follows no redirect and repeats nothing.
	Client *http.Client
	Now    func() time.Time
	// Redraw is applied to every picture of a creator before it is sent.
	Redraw Redraw
	// EditEndpoint draws requests that have references, at a vendor with another endpoint for them; empty: it has none.
	EditEndpoint string
	// AllowLoopback lets a vendor's fake on this machine serve results over http. Never set in production.
	AllowLoopback bool
}

// Adapters are what a vendor can do. What it can't do stays nil.
type Adapters struct {
	Image     Image
	Text      Text
	Moderator func(model string) Moderator // asks the vendor's model of that name
	Close     func()                       // closes idle connections
}
