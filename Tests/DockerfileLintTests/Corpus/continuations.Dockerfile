FROM debian:12
RUN echo one \

   
    # comment \
    && echo two \  
    && echo "three \\" \
&& echo four
RUN echo not continued \\
RUN echo last \