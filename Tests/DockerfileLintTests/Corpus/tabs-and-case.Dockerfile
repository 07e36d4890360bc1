from debian:12 as Builder
	run	echo hi
  EnV	A=1	B="two words"	C='single $A'
env OLD style value with spaces
copy	--from=builder	/a	/b
expose 80
stopsignal SIGTERM
maintainer nobody
