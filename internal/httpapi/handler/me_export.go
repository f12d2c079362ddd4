package handler

import (
	"context"
	"net/http"
	"time"

	"github.com/mugshot-studio/backend/internal/account"
)

// exportDeadline bounds the reading and sending of an export; the edge's own limits are for answers that are small.
const exportDeadline = 10 * time.Minute

// exportFile writes an export as it is read, so that none has to fit into memory. An export that
// breaks off is no valid JSON.
type exportFile struct {
	ctx    context.Context //nolint:containedctx // the generated interface passes none
	export *account.Export
}

// VisitExportMeResponse implements api.ExportMeResponseObject.
func (f exportFile) VisitExportMeResponse(w http.ResponseWriter) error {
	// A writer without deadlines is a test's, and needs none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(exportDeadline))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="mugshot-export.json"`)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.ctx), exportDeadline)
	defer cancel()
	return f.export.Write(ctx, w)
}
