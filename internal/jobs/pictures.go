package jobs

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a checksum that the contract asks for, not a protection
	"encoding/hex"
	"fmt"
	"image"
	_ "image/jpeg" // the formats that providers answer in
	_ "image/png"  // …
	"sync"
	"time"

	"github.com/google/uuid"
	_ "golang.org/x/image/webp" // …

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// pictures takes what a provider draws in one attempt. Object names hold the attempt's lease token, so that a worker
// that lost its lease can't touch what its successor stores.
type pictures struct {
	renderer *Renderer
	job      db.Job

	announced *announcement // owned by the goroutine of the attempt; nil: none

	mu     sync.Mutex
	begun  int32       // variants
	stored [4]*picture // by variant, from 0
	shown  time.Time
}

type picture struct {
	assetID     uuid.UUID
	path        string
	contentType string
	size        int64
	width       int32
	height      int32
	md5         string
}

// Begin implements providers.Sink. It waits while Postgres is away for a moment, and fails with [task.ErrLeaseLost].
func (p *pictures) Begin(ctx context.Context, variant int) error {
	err := postgres.Persist(ctx, func() error {
		_, err := p.renderer.beginnings.One(ctx, beginning{jobID: p.job.ID, leaseToken: p.job.LeaseToken, variant: int32(variant)})
		return err
	})
	if postgres.IsNotFound(err) {
		err = task.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("record that variant %d begins: %w", variant, err)
	}
	p.mu.Lock()
	p.begun = int32(variant)
	p.mu.Unlock()
	return nil
}

// beginning is a variant that is about to be asked of a vendor.
type beginning struct {
	jobID      uuid.UUID
	leaseToken int64
	variant    int32
}

func (b beginning) job() uuid.UUID { return b.jobID }

// beginAll records what begins, in one statement.
func (r *Renderer) beginAll(ctx context.Context, beginnings []beginning) ([]uuid.UUID, error) {
	var p db.JobBeginVariantParams
	for _, b := range beginnings {
		p.Ids = append(p.Ids, b.jobID)
		p.LeaseTokens = append(p.LeaseTokens, b.leaseToken)
		p.Variants = append(p.Variants, b.variant)
	}
	return r.Store.Queries().JobBeginVariant(ctx, p)
}

// Put implements providers.Sink. The size is read from the picture itself, whatever the provider says of it.
func (p *pictures) Put(ctx context.Context, variant int, drawn providers.Picture) (string, error) {
	if variant < 1 || variant > int(p.job.Variants) {
		return "", fmt.Errorf("store picture: no variant %d in this job", variant)
	}
	header, format, err := image.DecodeConfig(bytes.NewReader(drawn.Data))
	if err != nil || "image/"+format != drawn.ContentType {
		return "", &providers.Error{
			Provider: p.job.Model, Class: providers.Transient, Reason: "not_an_image",
			Cause: fmt.Errorf("picture announced as %s is %q", drawn.ContentType, format),
		}
	}
	sum := md5.Sum(drawn.Data) //nolint:gosec // see the import
	stored := &picture{
		assetID: uuid.NewSHA1(p.job.ID, fmt.Appendf(nil, "%d/%d", p.job.LeaseToken, variant)), contentType: drawn.ContentType,
		size: int64(len(drawn.Data)), width: int32(header.Width), height: int32(header.Height),
		md5: hex.EncodeToString(sum[:]),
	}
	stored.path = storage.ObjectName(p.job.UserID, assets.Render, stored.assetID, p.job.QueuedAt, drawn.ContentType)
	p.mu.Lock()
	p.stored[variant-1] = stored // before it is stored: an attempt that fails has to know what it may have left behind
	p.mu.Unlock()
	object := storage.Object{Bucket: storage.BucketRenders, Path: stored.path}
	if err := p.renderer.Objects.Put(ctx, object, drawn.ContentType, bytes.NewReader(drawn.Data), stored.size); err != nil {
		return "", fmt.Errorf("store picture: %w", err)
	}
	return stored.path, nil
}

// complete fails unless all variants were drawn.
func (p *pictures) complete() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.job.Variants {
		if p.stored[i] == nil {
			return &providers.Error{
				Provider: p.job.Model, Class: providers.Transient, Reason: "incomplete",
				Cause: fmt.Errorf("variant %d is missing", i+1),
			}
		}
	}
	return nil
}

// discard removes the objects that an attempt has stored, unless a row refers to them: an end whose answer was lost may
// have been written all the same. The sweep of orphaned objects removes what can't be removed now.
func (p *pictures) discard(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	byID := map[uuid.UUID]string{}
	var ids []uuid.UUID
	for _, stored := range p.stored {
		if stored != nil {
			byID[stored.assetID] = stored.path
			ids = append(ids, stored.assetID)
		}
	}
	if len(ids) == 0 {
		return
	}
	kept, err := p.renderer.Assets.ByIDs(ctx, p.job.UserID, ids)
	if err == nil {
		var paths []string
		for id, path := range byID {
			if _, ok := kept[id]; !ok {
				paths = append(paths, path)
			}
		}
		err = p.renderer.Objects.Remove(ctx, storage.BucketRenders, paths...)
	}
	if err != nil {
		p.renderer.Log.WarnContext(ctx, "pictures of a failed attempt not removed", "job_id", p.job.ID, "error", err)
	}
}
