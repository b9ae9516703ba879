lib-src += components/kextutil/examine.c
