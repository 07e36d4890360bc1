FROM debian:12
# café
RUN echo "naïve" \
 # ÿþ
 && true
