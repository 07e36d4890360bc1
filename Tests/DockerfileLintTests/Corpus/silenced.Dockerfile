# slipway: ignore=LNT703
FROM debian
# why: the vendor publishes no checksum
# slipway: ignore=LNT803, LNT801
RUN curl -fsSL https://example.invalid/install.sh | sh \
    # slipway: ignore=LNT101
    && pip install a>=1
