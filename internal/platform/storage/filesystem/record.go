package filesystem

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// The file of an object has the object's bytes and then a trailer of fixed length with its ETag and content type. A second
// file could get out of step with the first in a crash between two renames; a single file appears whole, by one rename. Image
// viewers ignore what follows an image, and the object's size is the file's size less a constant.
const (
	trailerBytes = 128
	trailerMagic = "mugshot-object/1"
	maxTypeBytes = 64
)

// etagBytes is how many bytes of the SHA-256 an ETag has: enough to tell contents apart.
const etagBytes = 16

func trailer(digest []byte, contentType string) string {
	etag := hex.EncodeToString(digest[:etagBytes])
	return fmt.Sprintf("%-*s\n", trailerBytes-1, "\n"+trailerMagic+" "+etag+" "+contentType)
}

// record is an opened object.
type record struct {
	io.ReadSeeker
	io.Closer
	info storage.Info
}

// openRecord opens an object's file. For a folder it returns fs.ErrNotExist.
func (s *Store) openRecord(name string) (*record, error) {
	file, err := s.root.Open(name)
	if err != nil {
		return nil, notFolder(err)
	}
	info, err := readInfo(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &record{ReadSeeker: io.NewSectionReader(file, 0, info.Size), Closer: file, info: info}, nil
}

func readInfo(file *os.File) (storage.Info, error) {
	stat, err := file.Stat()
	if err != nil {
		return storage.Info{}, err
	}
	if stat.IsDir() {
		return storage.Info{}, fs.ErrNotExist
	}
	size := stat.Size() - trailerBytes
	tail := make([]byte, trailerBytes)
	if _, err = file.ReadAt(tail, max(size, 0)); err != nil {
		return storage.Info{}, fmt.Errorf("read the trailer: %w", err)
	}
	magic, rest, _ := strings.Cut(strings.TrimSpace(string(tail)), " ")
	etag, contentType, ok := strings.Cut(rest, " ")
	if magic != trailerMagic || !ok {
		return storage.Info{}, errors.New("the file has no trailer: it was not written by this storage")
	}
	return storage.Info{Size: size, ContentType: contentType, ETag: `"` + etag + `"`, Modified: stat.ModTime()}, nil
}

// writeRecord writes body and its trailer.
func writeRecord(file *os.File, contentType string, body io.Reader) error {
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, digest), body); err != nil {
		return err
	}
	_, err := file.WriteString(trailer(digest.Sum(nil), contentType))
	return err
}

// save writes a file under a temporary name, syncs it to the disk, and then publishes it.
func (s *Store) save(name string, place func(oldname, newname string) error, write func(*os.File) error) error {
	temp := path.Join(tempDir, rand.Text())
	file, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	if err = write(file); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = s.publish(temp, name, place)
	}
	if rmErr := s.root.Remove(temp); !errors.Is(rmErr, fs.ErrNotExist) {
		err = errors.Join(err, rmErr)
	}
	return err
}

// publish gives a file another name in one step, so that no reader ever sees half of it. place is root.Rename, which replaces
// an existing file, or root.Link, which keeps the old name and fails where there is a file.
func (s *Store) publish(from, to string, place func(oldname, newname string) error) error {
	dir := path.Dir(to)
	if err := s.root.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if err := place(from, to); err != nil {
		return err
	}
	return s.syncDir(dir)
}

// syncDir makes a new name in a folder survive a crash of the machine.
func (s *Store) syncDir(name string) error {
	dir, err := s.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// notFolder turns the error that a part of the path is an object, not a folder, into fs.ErrNotExist.
func notFolder(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	return err
}
