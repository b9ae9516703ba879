lib-src  += sim/platform/release.c
