host-src  += harness/arena.c harness/ydoc.c harness/schema.c
