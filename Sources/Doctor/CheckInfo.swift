/// The texts of a check.
public struct CheckInfo: Sendable {
    /// How bad it is.
    public let severity: Severity
    /// The finding in one sentence.
    public let title: String
    /// Why it matters; empty if all is well.
    public let why: String
    /// The one command that fixes it, in which <path> stands for the path concerned; empty if all is well.
    public let fix: String
}

extension Check {
    /// The table's row.
    public var row: CheckInfo {
        switch rawValue / 100 {
        case 1: programs
        case 2: engines
        case 3: store
        case 7: paths
        case 8: rawValue < 810 ? remote : builders
        default: others
        }
    }

    private var programs: CheckInfo {
        switch self {
        case .shellsFindShim: .fine("the shells find the shim")
        case .shimMissing:
            .broken(
                "no shim is installed",
                why: "without it every docker command runs the real docker, and no build shares layers",
                fix: "./install.sh")
        case .shimShadowed:
            .warning(
                "another docker comes before the shim on PATH",
                why: "docker commands from here bypass Slipway",
                fix: "export PATH=<path>:\"$PATH\"")
        case .shimNotOnPath:
            .warning(
                "the shim is installed, but not on PATH here",
                why: "docker commands from here bypass Slipway",
                fix: "export PATH=<path>:\"$PATH\"")
        case .severalShims:
            .warning(
                "PATH has several shims that differ",
                why: "which one runs depends on the shell, and an older one may lack features",
                fix: "./install.sh")
        case .shellMissesShim:
            .warning(
                "a kind of shell runs a docker other than the shim",
                why: "builds started from it share nothing",
                fix: "./install.sh")
        case .shellSilent:
            .warning(
                "a shell does not answer",
                why: "its startup files wait, end the shell, or take longer than ten seconds",
                fix: "./install.sh --check")
        case .bareShellMissesShim:
            .warning(
                "a shell with an empty environment runs a docker other than the shim",
                why: "services, cron, sudo and docker exec start programs this way",
                fix: "sudo ./install.sh --system")
        case .bareShellOfOneUser:
            .fine("a shell with an empty environment does not run the shim, as expected with an install for one user")
        case .bypassSet:
            .warning(
                "SLIPWAY=off is set in the environment",
                why: "every docker command from here bypasses Slipway",
                fix: "unset SLIPWAY")
        default: others
        }
    }

    private var engines: CheckInfo {
        switch self {
        case .dockerFound: .fine("the real docker")
        case .dockerMissing:
            .broken(
                "no real docker is found",
                why: "the shim ends with status 127",
                fix: "sudo apt-get install docker-cli docker-buildx")
        case .recordedDockerGone:
            .warning(
                "the docker that the installer recorded is gone",
                why: "a caller without PATH gets the first docker in the usual directories, or status 127",
                fix: "./install.sh")
        case .recordedDockerNotTrusted:
            .warning(
                "the docker that the installer recorded is not trusted",
                why: "another user could have put it there, so a caller without PATH gets another docker",
                fix: "ls -ld <path>")
        case .dockerIsPodman:
            .broken(
                "this docker is podman",
                why: "its cache options take repository names only, so nothing is added",
                fix: "export SLIPWAY_DOCKER=/usr/bin/docker")
        case .dockerVersionUnknown:
            .broken(
                "the docker binary does not report its version",
                why: "nothing is added to the commands of an unknown program",
                fix: "<path> --version")
        case .dockerIsSnap:
            .broken(
                "docker is a confined snap",
                why: "it cannot read the store",
                fix: "sudo snap remove docker && sudo apt-get install docker-cli docker-buildx")
        case .dockerTooOld:
            .broken(
                "docker before 23 builds without buildx",
                why: "its own builder has no cache export, so nothing is added to docker build",
                fix: "docker buildx install")
        case .buildxMissing:
            .broken(
                "no docker-buildx plugin is found",
                why: "docker falls back to the legacy builder, which has no cache export",
                fix: "sudo apt-get install docker-buildx")
        case .buildxBroken:
            .broken(
                "the docker-buildx plugin does not answer",
                why: "docker falls back to the legacy builder, which has no cache export",
                fix: "<path> docker-cli-plugin-metadata")
        case .buildxTooOld:
            .warning(
                "buildx before 0.9 cannot export with the docker driver",
                why: "layers are imported, none exported",
                fix: "sudo apt-get install docker-buildx")
        case .composePassedOn: .fine("docker compose")
        case .pluginInPlace: .fine("docker and compose build through the shim, docker's first plugin docker-buildx")
        case .pluginMissing:
            .warning(
                "compose builds without Slipway",
                why:
                    "it runs docker's plugin docker-buildx without the shim in front of it: what docker compose and"
                    + " docker buildx bake build is not shared",
                fix: "./install.sh --with-plugin")
        case .builderExports: .fine("the builder imports and exports layers")
        case .legacyBuilder:
            .broken(
                "DOCKER_BUILDKIT turns buildx off",
                why: "the legacy builder has no cache export, so nothing is added",
                fix: "unset DOCKER_BUILDKIT")
        case .buildKitVariableInvalid:
            .broken(
                "DOCKER_BUILDKIT is neither true nor false",
                why: "docker refuses every build",
                fix: "unset DOCKER_BUILDKIT")
        case .builderAliasUnknown:
            .broken(
                "docker's builder alias names a plugin other than buildx",
                why: "nobody knows that plugin's options, so nothing is added",
                fix: "docker buildx install")
        case .dockerConfigUnreadable:
            .broken(
                "a file of docker's configuration cannot be read",
                why: "docker may build somewhere else, so nothing is added",
                fix: "ls -l <path>")
        case .contextUnknown:
            .broken(
                "the docker context is unknown",
                why: "docker refuses every command",
                fix: "docker context use default")
        case .builderUnknown:
            .broken(
                "the builder is unknown, or belongs to another context",
                why: "buildx refuses the build",
                fix: "unset BUILDX_BUILDER")
        case .driverUnknown:
            .broken(
                "Slipway does not support the builder's driver",
                why: "nothing is added",
                fix: "docker buildx use default")
        case .endpointInvalid:
            .broken(
                "the engine's address is invalid",
                why: "docker refuses every command",
                fix: "unset DOCKER_HOST")
        case .endpointNotAsked:
            .warning(
                "the engine is behind ssh, TLS or a name that needs a name service",
                why: "it is not asked whether it can export: layers are imported, none exported",
                fix: "docker context use default")
        case .engineSilent:
            .warning(
                "the engine does not answer",
                why: "it cannot be asked whether it can export: layers are imported, none exported",
                fix: "sudo systemctl start docker")
        case .engineAnswerUnreadable:
            .warning(
                "the engine's answer cannot be parsed",
                why: "it is not known whether it can export: layers are imported, none exported",
                fix: "docker info")
        case .engineNotLinux:
            .broken(
                "the engine does not run Linux containers",
                why: "nothing is added",
                fix: "docker context use default")
        case .engineCannotExport:
            .warning(
                "the engine keeps images in the classic store",
                why: """
                    layers are imported, none exported. The containerd image store shows none of the classic \
                    store's images until it is switched back. Where /etc/docker/daemon.json is there, add the key \
                    by hand: the command leaves it alone
                    """,
                fix: """
                    sudo sh -c 'set -C; mkdir -p /etc/docker && echo "{\\"features\\": {\\"containerd-snapshotter\\": \
                    true}}" > /etc/docker/daemon.json && systemctl restart docker'
                    """)
        case .engineTooOld:
            .warning(
                "the engine is older than 24",
                why: "it is not known to export with the containerd image store: layers are imported, none exported",
                fix: "sudo apt-get install docker.io")
        case .routeInDoubt:
            .broken(
                "it is unknown where a build will run",
                why: "nothing is added",
                fix: "slipway explain -- docker build .")
        case .buildKitVulnerable:
            .warning(
                "the builder's BuildKit is older than 0.28.1",
                why: "an untrusted frontend can write outside of its directory (CVE-2026-33747)",
                fix: """
                    docker buildx rm <path> && docker buildx create --name <path> --driver docker-container \
                    --bootstrap
                    """)
        case .attestations:
            .fine(
                """
                with the containerd image store, attestations give an image a new ID in every build; \
                BUILDX_NO_DEFAULT_ATTESTATIONS=1 leaves them out
                """)
        default: others
        }
    }
}

extension CheckInfo {
    static func fine(_ title: String) -> CheckInfo { CheckInfo(severity: .ok, title: title, why: "", fix: "") }

    static func warning(_ title: String, why: String, fix: String) -> CheckInfo {
        CheckInfo(severity: .warning, title: title, why: why, fix: fix)
    }

    static func broken(_ title: String, why: String, fix: String) -> CheckInfo {
        CheckInfo(severity: .broken, title: title, why: why, fix: fix)
    }
}
