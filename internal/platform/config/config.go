// Package config reads the environment variables into one typed struct, [Config], and reports all problems at once.
// .env.example explains each variable; a test checks that it names the same variables with the same defaults. Secrets have
// the type [Secret], which hides them from logs.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// The values of APP_ENV.
const (
	Development = "development"
	Production  = "production"
)

// Unlimited is the value that switches a limit off.
const Unlimited = 0

// Config is everything that an operator decides. The product owner chose the names of the first group.
type Config struct {
	ProjectName     string `env:"PROJECT_NAME" envDefault:"Tmughsot studio"`
	BasePath        string `env:"API_V1_STR" envDefault:"/api/v1"`
	SupabaseURL     string `env:"SUPABASE_URL"`
	SupabaseKey     Secret `env:"SUPABASE_KEY"`
	GeminiAPIKey    Secret `env:"GEMINI_API_KEY"`
	ByteDanceAPIKey Secret `env:"BYTEDANCE_API_KEY"`
	FalKey          Secret `env:"FAL_KEY"`
	RedisURL        Secret `env:"REDIS_URL"`
	JWTSecret       Secret `env:"JWT_SECRET"`

	Env          string `env:"APP_ENV" envDefault:"development"`
	LogLevel     string `env:"LOG_LEVEL" envDefault:"info"`
	HTTPAddr     string `env:"HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	AdminAddr    string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090"`
	PublicAppURL string `env:"PUBLIC_APP_URL" envDefault:"https://localhost"`
	PublicAPIURL string `env:"PUBLIC_API_URL"` // empty: http:// and HTTP_ADDR

	DatabaseURL      Secret        `env:"DATABASE_URL"`
	DatabaseRole     string        `env:"DATABASE_RUNTIME_ROLE"` // read by migrations alone
	DatabaseMaxConns int32         `env:"DATABASE_MAX_CONNS" envDefault:"8"`
	DatabaseTimeout  time.Duration `env:"DATABASE_STATEMENT_TIMEOUT" envDefault:"10s"`

	JWTSecretPrevious      []Secret       `env:"JWT_SECRET_PREVIOUS"`
	SessionTokenTTL        time.Duration  `env:"SESSION_TOKEN_TTL" envDefault:"15m"`
	SessionIdleTTL         time.Duration  `env:"SESSION_IDLE_TTL" envDefault:"720h"`
	SessionMaxTTL          time.Duration  `env:"SESSION_MAX_TTL" envDefault:"2160h"`
	UnconfirmedTTL         time.Duration  `env:"UNCONFIRMED_ACCOUNT_TTL" envDefault:"168h"`
	AuthMaxFailures        int            `env:"AUTH_MAX_FAILURES" envDefault:"5"`
	AuthAddressMaxFailures int            `env:"AUTH_ADDRESS_MAX_FAILURES" envDefault:"100"`
	AuthFailureWindow      time.Duration  `env:"AUTH_FAILURE_WINDOW" envDefault:"15m"`
	Argon2MemoryKiB        uint32         `env:"ARGON2_MEMORY_KIB" envDefault:"19456"`
	Argon2Iterations       uint32         `env:"ARGON2_ITERATIONS" envDefault:"2"`
	Argon2Parallelism      uint8          `env:"ARGON2_PARALLELISM" envDefault:"1"`
	RateLimitFactor        float64        `env:"RATE_LIMIT_FACTOR" envDefault:"1"`
	UserStreams            int            `env:"API_USER_STREAMS" envDefault:"20"`
	AllowedOrigins         []string       `env:"ALLOWED_ORIGINS"`
	CSRFCookieDomain       string         `env:"CSRF_COOKIE_DOMAIN"`
	TrustedProxies         []netip.Prefix `env:"TRUSTED_PROXIES"`

	SMTPURL            Secret `env:"SMTP_URL"`
	MailFrom           string `env:"MAIL_FROM" envDefault:"MugShot Studio <hello@localhost>"`
	SignupBonusCredits int64  `env:"SIGNUP_BONUS_CREDITS" envDefault:"10"`

	GenerateSlots     int           `env:"WORKER_GENERATE_SLOTS" envDefault:"4"`
	GenerateDeadline  time.Duration `env:"WORKER_GENERATE_DEADLINE" envDefault:"5m"`
	ReplySlots        int           `env:"WORKER_REPLY_SLOTS" envDefault:"64"`
	ReplyDeadline     time.Duration `env:"WORKER_REPLY_DEADLINE" envDefault:"2m"`
	UserReplies       int32         `env:"CHAT_USER_REPLIES" envDefault:"3"`
	MailSlots         int           `env:"WORKER_MAIL_SLOTS" envDefault:"4"`
	UserJobs          int32         `env:"WORKER_USER_JOBS" envDefault:"2"`
	ProviderMaxCalls  int32         `env:"PROVIDER_MAX_CALLS" envDefault:"16"`
	JobLease          time.Duration `env:"JOB_LEASE" envDefault:"30s"`
	JobMaxAge         time.Duration `env:"JOB_MAX_AGE" envDefault:"2h"`
	DrainGrace        time.Duration `env:"DRAIN_GRACE" envDefault:"5s"`
	DrainTimeout      time.Duration `env:"DRAIN_TIMEOUT" envDefault:"20s"`
	StorageOrphanAge  time.Duration `env:"STORAGE_ORPHAN_AGE" envDefault:"1h"`
	StorageSweepGrace time.Duration `env:"STORAGE_SWEEP_GRACE" envDefault:"24h"`

	GeminiBaseURL    string            `env:"GEMINI_BASE_URL" envDefault:"https://generativelanguage.googleapis.com"`
	ByteDanceBaseURL string            `env:"BYTEDANCE_BASE_URL" envDefault:"https://ark.ap-southeast.bytepluses.com/api/v3"`
	FalBaseURL       string            `env:"FAL_BASE_URL" envDefault:"https://queue.fal.run"`
	ProvidersOffered []string          `env:"PROVIDERS_OFFERED"`
	ProviderModels   map[string]string `env:"PROVIDER_MODELS" envKeyValSeparator:"="`
	ProviderFailures int               `env:"PROVIDER_FAILURES" envDefault:"5"`
	ProviderOpenFor  time.Duration     `env:"PROVIDER_REST" envDefault:"30s"`
	GeminiRPM        int               `env:"GEMINI_RPM" envDefault:"0"`
	ByteDanceRPM     int               `env:"BYTEDANCE_RPM" envDefault:"500"`
	FalRPM           int               `env:"FAL_RPM" envDefault:"0"`
	FalEditEndpoint  string            `env:"FAL_EDIT_ENDPOINT"`

	OTLPEndpoint string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	OTLPHeaders  Secret  `env:"OTEL_EXPORTER_OTLP_HEADERS"`
	OTelService  string  `env:"OTEL_SERVICE_NAME" envDefault:"mugshot"`
	OTelShare    float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"`
	SentryDSN    Secret  `env:"SENTRY_DSN"`

	ImageMemoryMiB   int64         `env:"IMAGE_MEMORY_MIB" envDefault:"512"`
	ImageChecks      int64         `env:"IMAGE_CHECKS" envDefault:"4"`
	ImageMaxWait     time.Duration `env:"IMAGE_PATIENCE" envDefault:"10s"`
	FaceMinScore     float64       `env:"FACE_MIN_SCORE" envDefault:"8"`
	FaceMinSize      float64       `env:"FACE_MIN_SIZE" envDefault:"112"`
	FaceMinSharpness float64       `env:"FACE_MIN_SHARPNESS" envDefault:"15"`

	DevDir string `env:"DEV_DIR" envDefault:".dev"`

	servesOnly bool // from LoadAPI
}

// Load reads an environment, such as the one of [Environment], and checks it for a process in any role. The error lists every
// problem, and quotes no secret.
func Load(environ map[string]string) (Config, error) { return load(environ, Config{}) }

// LoadAPI is [Load] for a process that serves the API and nothing else. Such a process sends no mails and asks no vendor, so
// that it needs neither SMTP_URL nor a key of a vendor in production: PROVIDERS_OFFERED tells it what the workers draw with.
func LoadAPI(environ map[string]string) (Config, error) {
	return load(environ, Config{servesOnly: true})
}

func load(environ map[string]string, c Config) (Config, error) {
	err := env.ParseWithOptions(&c, env.Options{Environment: withoutEmpty(environ)})
	var problems []error
	if all, ok := errors.AsType[env.AggregateError](err); ok {
		problems = append(problems, all.Errors...)
	} else if err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, c.problems()...)
	if len(problems) > 0 {
		return Config{}, fmt.Errorf("the environment is not fit to start with:\n%w", bulleted(problems))
	}
	c.BasePath = strings.TrimRight(c.BasePath, "/")
	if c.PublicAPIURL == "" {
		c.PublicAPIURL = "http://" + c.HTTPAddr
	}
	return c, nil
}

// InProduction reports whether the rules for production apply: in any environment but development.
func (c Config) InProduction() bool { return c.Env != Development }

// withoutEmpty removes variables without a value, so that NAME= means the same as no NAME, as operators expect of .env files.
func withoutEmpty(environ map[string]string) map[string]string {
	kept := make(map[string]string, len(environ))
	for name, value := range environ {
		if value != "" {
			kept[name] = value
		}
	}
	return kept
}

func bulleted(problems []error) error {
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = "  - " + p.Error()
	}
	return errors.New(strings.Join(lines, "\n"))
}

func isHTTPURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	return slices.Contains(schemes, u.Scheme)
}

// Vendor is how this deployment reaches an AI vendor.
type Vendor struct {
	Prefix       string // of its variables: GEMINI for GEMINI_BASE_URL and GEMINI_RPM
	Key          Secret // empty: this process can't ask it
	Offered      bool   // whether creators can choose its models: the key is here, or the workers have it
	BaseURL      string
	PerMinute    int    // requests of all processes together; Unlimited
	EditEndpoint string // for requests with references, where the vendor has another endpoint for them
}

// Vendors has the settings of each vendor, by the Name of its package.
func (c Config) Vendors() map[string]Vendor {
	all := map[string]Vendor{
		"gemini":   {Prefix: "GEMINI", Key: c.GeminiAPIKey, BaseURL: c.GeminiBaseURL, PerMinute: c.GeminiRPM},
		"seedream": {Prefix: "BYTEDANCE", Key: c.ByteDanceAPIKey, BaseURL: c.ByteDanceBaseURL, PerMinute: c.ByteDanceRPM},
		"fal":      {Prefix: "FAL", Key: c.FalKey, BaseURL: c.FalBaseURL, PerMinute: c.FalRPM, EditEndpoint: c.FalEditEndpoint},
	}
	for name, v := range all {
		v.Offered = v.Key != "" || c.servesOnly && slices.Contains(c.ProvidersOffered, name)
		all[name] = v
	}
	return all
}
