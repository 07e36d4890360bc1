import Formats
import TestSupport
import Testing

@testable import Doctor

@Suite("The doctor's verdict and the nearest fix")
struct VerdictTests {
    private func verdict(_ checks: Check...) -> ByteString { Report(checks.map { Finding($0) }).verdictText }

    @Test("One line says whether builds share")
    func words() {
        #expect(verdict(.dockerFound, .storeInOrder) == "Builds share layers here")
        #expect(verdict(.umaskUnusual, .dockerFound) == "Builds share layers here; one thing could be better")
        #expect(
            verdict(.umaskUnusual, .leftovers, .blobsDamaged) == "Builds share layers here; 3 things could be better")
        #expect(verdict(.umaskUnusual, .buildxMissing) == "Builds do not share: no docker-buildx plugin is found")
        #expect(verdict(.diskLow, .bypassSet) == "Builds do not share: SLIPWAY=off is set in the environment")
        #expect(
            verdict(.umaskUnusual, .engineCannotExport)
                == "Builds import what others have built, and share nothing of their own: the engine keeps images in the classic store"
        )
        #expect(
            Report([Finding(.shimMissing)]).text(inColour: true).hasPrefix(
                "Builds do not share: no shim is installed\n\n"))
        #expect(Report([]).json.text.hasSuffix(#""verdict":"shared","says":"Builds share layers here"}"#))
    }

    @Test(
        "Every check that stops exports or the shim affects it",
        arguments: Check.allCases.filter { $0.row.severity != .ok })
    func complete(_ check: Check) {
        let verdict = Report([Finding(check)]).verdict
        if check.row.why.contains("none exported") || check.row.why.contains("none of them is exported") {
            #expect(verdict.name == "imported-only", "\(check)")
        }
        if check.row.severity == .broken, check != .blobsDamaged { #expect(verdict.name == "not-shared") }
    }

    private func fix(
        _ check: Check, _ programs: ByteString..., user: UInt32 = 1000, plugin: ByteString? = nil,
        repository: ByteString? = nil
    ) throws -> ByteString {
        let folder = try TemporaryFolder()
        for program in programs { try folder.write(script: "", to: "bin/" + program) }
        if let plugin { try folder.write(script: "", to: plugin) }
        if let repository { _ = try folder.write(repository, "") }
        var context = ProcessContext.test(folder, "DOCKER_CONFIG=/c d")
        context.user = user
        context.fallbackFolders = []
        context.root = folder.path
        context.environment = context.environment.map { $0.hasPrefix("PATH=") ? "PATH=" + folder["bin"] : $0 }
        return Remedy(context).fit(Finding(check)).fix.replacing(folder.path, with: "~")
    }

    @Test("The distribution's own program, and no sudo where there is none")
    func distribution() throws {
        #expect(try fix(.dockerMissing, "apk") == "sudo apk add docker-cli docker-cli-buildx")
        #expect(try fix(.dockerMissing, "apk", user: 0) == "apk add docker-cli docker-cli-buildx")
        #expect(try fix(.dockerMissing, "dnf", "sudo", user: 0) == "sudo dnf install docker-cli docker-buildx")
        #expect(try fix(.dockerMissing, "pacman") == "sudo pacman -S docker docker-buildx")
        #expect(try fix(.buildxMissing, "zypper") == "sudo zypper install docker-buildx")
        #expect(try fix(.remoteClientMissing, "dnf") == "sudo dnf install golang-oras")
        #expect(try fix(.remoteClientMissing, "apk") == "sudo apk add oras-cli")
        #expect(try fix(.remoteClientMissing, "pacman") == ByteString(Check.remoteClientMissing.row.fix))
        #expect(try fix(.dockerMissing) == ByteString(Check.dockerMissing.row.fix))
        #expect(try fix(.storeMovable, user: 0) == "chmod +t <path>")
    }

    @Test("Where docker's own packages are used, their names")
    func dockersOwn() throws {
        let (debian, fedora): (ByteString, ByteString) = (
            "var/lib/dpkg/info/docker-ce-cli.list", "etc/yum.repos.d/docker-ce.repo"
        )
        #expect(
            try fix(.buildxMissing, "apt-get", repository: debian) == "sudo apt-get install docker-buildx-plugin")
        #expect(
            try fix(.dockerMissing, "dnf", repository: fedora) == "sudo dnf install docker-ce-cli docker-buildx-plugin")
        #expect(try fix(.remoteClientMissing, "dnf", repository: fedora) == "sudo dnf install golang-oras")
    }

    @Test("An existing plugin is linked, not installed")
    func plugin() throws {
        #expect(
            try fix(.buildxMissing, "apt-get", plugin: ".docker/cli-plugins/docker-buildx")
                == "mkdir -p '/c d/cli-plugins' && ln -s ~/.docker/cli-plugins/docker-buildx '/c d/cli-plugins'/")
    }
}
