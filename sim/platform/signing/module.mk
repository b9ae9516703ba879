lib-src  += sim/platform/signing/authority.c sim/platform/signing/identity.c
