# SPDX-License-Identifier: Apache-2.0
# Slipway's tarball, Debian's package, checksums and bill of materials, with nothing but docker:
#
#     docker build --output=dist .
#
# They are what Scripts/release makes on a machine with Swift. The programs are static: what they are built on does not matter
# where they run. Another image of Swift 6.3 or newer, with git and dpkg-deb, is --build-arg SWIFT=NAME@DIGEST.
ARG SWIFT=swift:6.3.3-noble@sha256:8de8ea332a61e961ead4ef41029c2552b18e1a70dd5942d25ecf7d8de2eec5b5
FROM ${SWIFT} AS build
WORKDIR /slipway
# What is fetched changes when the manifest does.
COPY Package.swift ./
RUN swift package resolve
COPY . .
# The time that files in the packages have, in seconds since 1970: that of the commit.
ARG SOURCE_DATE_EPOCH
RUN Scripts/release /dist

FROM scratch
COPY --from=build /dist/ /
