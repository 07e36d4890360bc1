FROM debian:12
RUN echo 'it'"'"'s' && echo "a \"b\" $(echo "nested $(echo deep)") `date`" ; echo ${VAR:-"default with } brace"} # trailing
RUN awk 'BEGIN { print "<<EOF" }' && test "$(( (1+2) * 3 ))" -eq 9
RUN case "$(uname -m)" in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) exit 1 ;; esac; echo $arch
