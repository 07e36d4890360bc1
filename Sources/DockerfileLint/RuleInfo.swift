/// The texts of a rule.
public struct RuleInfo: Sendable {
    /// How bad it is.
    public let severity: Severity
    /// The finding.
    public let title: String
    /// Its consequence; "measured" if it was, on a real engine in two builds.
    public let consequence: String

    fileprivate init(_ severity: Severity, _ title: String, _ consequence: String) {
        self.severity = severity
        self.title = title
        self.consequence = consequence
    }
}

extension Rule {
    /// The table's row.
    public var row: RuleInfo {
        switch rawValue / 100 {
        case 0: file
        case 1: pip
        case 2, 3: node
        case 4, 5: uvAndGo
        case 6: apt
        default: others
        }
    }

    private var file: RuleInfo {
        switch self {
        case .heredocUnended:
            RuleInfo(
                .error, "a here-document is not ended",
                "BuildKit refuses the file")
        case .instructionUnknown:
            RuleInfo(
                .error, "this is no instruction",
                "BuildKit refuses the file")
        case .mountPointRemoved:
            RuleInfo(
                .error, "a mounted cache, or what it is mounted in, is removed",
                "the build fails: a mount point is busy (measured with pip's, apt's and yarn's)")
        default:
            RuleInfo(
                .note, "a cache mount has another uid, gid or mode than an earlier one at its place",
                "they are separate caches: measured, nothing of the one was in the other")
        }
    }

    private var pip: RuleInfo {
        switch self {
        case .pipOff:
            RuleInfo(
                .warning, "pip's cache is mounted, and an option switches it off",
                """
                measured: with --no-cache-dir both of two builds downloaded every package; without it the second \
                downloaded none
                """)
        case .pipVariableOff:
            RuleInfo(
                .warning, "pip's cache is mounted, and PIP_NO_CACHE_DIR switches it off",
                """
                measured: with any value, 0, false and no included, both of two builds downloaded every package; \
                unset or empty the second downloaded none
                """)
        case .pipConfigurationOff:
            RuleInfo(
                .warning, "pip's cache is mounted, and its configuration switches it off",
                """
                measured: with no-cache-dir = true in pip.conf both of two builds downloaded every package
                """)
        case .pipCacheElsewhere:
            RuleInfo(
                .warning, "pip is led to another cache than the mounted one",
                """
                measured: both of two builds downloaded 2 of 2 packages; with the cache in the mount the second \
                downloaded none
                """)
        case .pipMountElsewhere:
            RuleInfo(
                .warning, "the mount is not where pip looks",
                """
                measured: both of two builds downloaded 2 of 2 packages; with the mount at the cache the second \
                downloaded none
                """)
        case .pipMountUnwritable:
            RuleInfo(
                .warning, "the user of this RUN cannot write the mount, so pip switches its cache off",
                """
                measured: both of two builds downloaded 2 of 2 packages; with uid= the second downloaded none, \
                and mode=0777 does not help: the directory comes out 0755
                """)
        case .pipMountOfRoot:
            RuleInfo(
                .warning, "the mount is at root's cache, and the user of this RUN is another",
                "measured: both of two builds downloaded 2 of 2 packages, without a warning of pip's")
        case .pipMountOfOthers:
            RuleInfo(
                .warning, "the mount belongs to another user than root, who runs pip here",
                """
                measured: root's pip wants a cache that is root's, and both of two builds downloaded 2 of 2 \
                packages
                """)
        case .pipOtherUser:
            RuleInfo(
                .warning, "pip runs as another user than the mount is for",
                "measured: with su in a RUN of root's both of two builds downloaded 2 of 2 packages")
        case .pipEmptied:
            RuleInfo(
                .warning, "pip's mounted cache is emptied in the same RUN",
                """
                measured: both of two builds downloaded 2 of 2 packages. A cache mount is no part of the image, \
                so emptying it makes no image smaller
                """)
        case .pipMountReadOnly:
            RuleInfo(
                .error, "pip's cache is mounted read-only",
                """
                measured: the build fails where a package comes as source (failed-wheel-build-for-install)
                """)
        case .pipMountOnOtherRun:
            RuleInfo(
                .warning, "pip's cache is mounted for a RUN that does not use it, while another one installs without",
                "measured: both of two builds downloaded every package")
        default:
            RuleInfo(
                .warning, "a tmpfs is mounted at pip's cache",
                "measured: it is empty in every build, and both of two builds downloaded every package")
        }
    }

    private var node: RuleInfo {
        switch self {
        case .npmCacheElsewhere:
            RuleInfo(
                .warning, "npm is led to another cache than the mounted one",
                """
                measured: both of two builds downloaded 3 of 3 packages; with the cache in the mount the second \
                downloaded none
                """)
        case .npmMountElsewhere:
            RuleInfo(
                .warning, "the mount is not where npm looks",
                """
                measured: both of two builds downloaded 3 of 3 packages; with the mount at /root/.npm the second \
                downloaded none
                """)
        case .npmMountUnwritable:
            RuleInfo(
                .error, "the user of this RUN cannot write the mount",
                """
                measured: the build fails (npm exits with 243); with uid= it works, and the second build \
                downloads nothing
                """)
        case .npmEmptied:
            RuleInfo(
                .warning, "npm's mounted cache is emptied in the same RUN",
                """
                measured: both of two builds downloaded 3 of 3 packages. A cache mount is no part of the image, \
                so emptying it makes no image smaller
                """)
        case .npmModulesMounted:
            RuleInfo(
                .warning, "a cache is mounted at node_modules",
                """
                measured: both of two builds downloaded 3 of 3 packages, and node_modules is empty in the image
                """)
        case .yarnCacheElsewhere:
            RuleInfo(
                .warning, "yarn is led to another cache than the mounted one",
                """
                measured: both of two builds downloaded 3 of 3 packages; with the cache in the mount the second \
                downloaded none
                """)
        case .yarnMountElsewhere:
            RuleInfo(
                .warning, "the mount is not where yarn looks",
                """
                measured: root's yarn 1 keeps its cache in /usr/local/share/.cache/yarn; with the mount at \
                /root/.cache/yarn both of two builds downloaded 3 of 3 packages, with it there the second \
                downloaded none
                """)
        case .yarnEmptied:
            RuleInfo(
                .warning, "yarn's mounted cache is emptied in the same RUN",
                """
                measured: both of two builds downloaded 3 of 3 packages. A cache mount is no part of the image, \
                so emptying it makes no image smaller
                """)
        default:
            RuleInfo(
                .error, "yarn cache clean removes the directory that is mounted",
                "measured: the build fails (EBUSY)")
        }
    }

    private var uvAndGo: RuleInfo {
        switch self {
        case .uvOff:
            RuleInfo(
                .warning, "uv's cache is mounted, and an option switches it off",
                """
                measured: with --no-cache both of two builds downloaded 2 of 2 packages; without it the second \
                downloaded none
                """)
        case .uvVariableOff:
            RuleInfo(
                .warning, "uv's cache is mounted, and UV_NO_CACHE switches it off",
                """
                measured: both of two builds downloaded 2 of 2 packages; without it the second downloaded none
                """)
        case .uvCacheElsewhere:
            RuleInfo(
                .warning, "uv is led to another cache than the mounted one",
                """
                measured: both of two builds downloaded 2 of 2 packages; with the cache in the mount the second \
                downloaded none
                """)
        case .uvMountElsewhere:
            RuleInfo(
                .warning, "the mount is not where uv looks",
                """
                measured: with pip's cache mounted both of two builds downloaded 2 of 2 packages; with the mount \
                at /root/.cache/uv the second downloaded none
                """)
        case .uvMountUnwritable:
            RuleInfo(
                .error, "the user of this RUN cannot write the mount",
                "measured: the build fails (Could not acquire lock); with uid= it works")
        case .uvEmptied:
            RuleInfo(
                .warning, "uv's mounted cache is emptied in the same RUN",
                """
                measured: both of two builds downloaded 2 of 2 packages. A cache mount is no part of the image, so \
                emptying it makes no image smaller
                """)
        case .goMountElsewhere:
            RuleInfo(
                .warning, "the mount is not where go keeps modules",
                """
                measured: with the mount at /go/pkg/mod and GOPATH at /root/go both of two builds downloaded the \
                module; with the mount at the cache the second downloaded none
                """)
        case .goEmptied:
            RuleInfo(
                .warning, "go's mounted cache is emptied in the same RUN",
                """
                measured: nothing of it is left for the next build. A cache mount is no part of the image, so \
                emptying it makes no image smaller
                """)
        default:
            RuleInfo(
                .error, "go clean -modcache removes the directory that is mounted",
                """
                measured: the build fails (the mount point is busy), and its contents are gone all the same
                """)
        }
    }

    private var apt: RuleInfo {
        switch self {
        case .aptDockerClean:
            RuleInfo(
                .warning, "apt's archives are mounted, and docker-clean deletes them",
                """
                measured: with the image's /etc/apt/apt.conf.d/docker-clean in place both of two builds \
                downloaded all of it, Keep-Downloaded-Packages or not; without that file the second downloaded \
                none
                """)
        case .aptDeletes:
            RuleInfo(
                .warning, "apt's archives are mounted, and `apt install` deletes them",
                """
                measured: both of two builds downloaded all of it; apt-get keeps them, and so does apt with \
                Binary::apt::APT::Keep-Downloaded-Packages "true"
                """)
        case .aptMountElsewhere:
            RuleInfo(
                .note, "apt's lists are mounted, and its archives are not",
                """
                measured: both of two builds downloaded every package; with a mount at /var/cache/apt too the \
                second downloaded none
                """)
        case .aptEmptied:
            RuleInfo(
                .warning, "apt's mounted archives are deleted in the same RUN",
                """
                measured: both of two builds downloaded all of it. A cache mount is no part of the image, so \
                emptying it makes no image smaller
                """)
        default:
            RuleInfo(
                .warning, "apt's mounted lists are removed in the same RUN",
                "measured: the next build's update fetched 15.8 MB again; without the removal 241 kB")
        }
    }

    private var others: RuleInfo {
        switch self {
        case .copyWithoutIgnore:
            RuleInfo(
                .warning, "the whole context is copied before packages are installed, and there is no .dockerignore",
                """
                each change of any file, and whatever lies about in one clone only, installs all of them again
                """)
        case .gitInContext:
            RuleInfo(
                .warning, "the whole context is copied with .git, and no step after it can use that",
                """
                a .git is never the same in two clones and changes with every git command: this step and all \
                behind it miss
                """)
        case .baseFloats:
            RuleInfo(
                .note, "packages are installed on an official image without a version",
                "another image tomorrow misses every step; a tag with a version, or a digest, says when")
        case .commitArgument:
            RuleInfo(
                .warning, "an argument that differs with every commit is declared before packages are installed",
                "an ARG is in the environment of every RUN behind it, so all of them miss with each commit")
        case .syntaxFloats:
            RuleInfo(
                .note, "# syntax= names no version",
                "the frontend is looked up at every build, and a newer one may change what hits")
        case .versionRedirected:
            RuleInfo(
                .warning, "the shell reads this version as a redirection",
                "the package is installed in any version, and what pip prints goes to a file")
        case .versionRead:
            RuleInfo(
                .error, "the shell reads this version as a redirection",
                "the build fails: there is no such file to read from")
        default:
            RuleInfo(
                .warning, "a download is executed without a checksum",
                """
                whoever answers decides what runs, and the step's layer is shared as if it were always the same
                """)
        }
    }
}
