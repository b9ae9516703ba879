lib-src   += components/kernelmanagerd/kernelmanagerd.c components/kernelmanagerd/repositories.c
test-src  += components/kernelmanagerd/test/test_kernelmanagerd.c
guest-bin += kernelmanagerd
kernelmanagerd-src := components/kernelmanagerd/main.c
