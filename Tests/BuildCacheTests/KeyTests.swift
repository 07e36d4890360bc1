import Formats
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("Keys: which builds may share")
struct KeyTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try clone("one", of: "https://user:token@example.org/o/app.git")
        try clone("two", of: "git@example.org:o/app")
        try clone("other", of: "https://example.org/o/other")
        try folder.write("plain/Dockerfile", "FROM scratch")
    }

    private func clone(_ name: ByteString, of url: ByteString) throws {
        try folder.write(name + "/.git/HEAD", "ref: refs/heads/main\n")
        try folder.write(name + "/.git/config", "[remote \"origin\"]\n url = " + url + "\n")
        try folder.write(name + "/Dockerfile", "FROM scratch")
        try folder.write(name + "/docker/app.Dockerfile", "FROM scratch")
        try folder.makeFolder(name + "/service")
    }

    private func identity(
        in name: ByteString, _ context: ByteString = ".", platform: ByteString = "linux/amd64",
        change: (inout BuildDescription) -> Void = { _ in }
    ) -> BuildIdentity {
        var build = BuildDescription(context: .directory(context), workingDirectory: folder[name])
        change(&build)
        return BuildIdentity(of: build, platform: platform)
    }

    private func key(
        in name: ByteString, _ context: ByteString = ".", platform: ByteString = "linux/amd64",
        change: (inout BuildDescription) -> Void = { _ in }
    ) -> Key { identity(in: name, context, platform: platform, change: change).key }

    @Test("Two clones at different places have one key")
    func clones() {
        #expect(key(in: "one") == key(in: "two"))
        #expect(key(in: "one").repository == "example.org/o/app")
        #expect(key(in: "one").directoryName == key(in: "two").directoryName)
        #expect(key(in: "one") != key(in: "other"))
    }

    @Test("All names of the same context and Dockerfile")
    func spellings() throws {
        try Files.makeLink(folder["link"], to: folder["one"])
        let expected = key(in: "one")
        #expect(key(in: "one", "./service/..") == expected)
        #expect(key(in: "one/service", "..") == expected)
        #expect(key(in: "one/service", folder["one"]) == expected)
        #expect(key(in: ".", folder["link"]) == expected)
        #expect(key(in: "one") { $0.dockerfile = "Dockerfile" } == expected)
        #expect(key(in: "one/service", "..") { $0.dockerfile = "../Dockerfile" } == expected)
        #expect(key(in: "one") { $0.dockerfile = folder["link/Dockerfile"] } == expected)
        #expect(key(in: "one") { $0.target = "" } == expected)
        #expect(key(in: "one") { $0.platforms = ["LINUX/amd64", "linux/amd64"] } == expected)
    }

    @Test("What changes the key")
    func differences() {
        let keys = [
            key(in: "one"), key(in: "one", "service"), key(in: "one", platform: "linux/arm64"),
            key(in: "one") { $0.target = "test" }, key(in: "one") { $0.dockerfile = "docker/app.Dockerfile" },
            key(in: "one") { $0.dockerfile = "-" }, key(in: "one") { $0.platforms = ["linux/amd64", "linux/arm64"] },
            key(in: "one") { $0.context = .standardInput },
        ]
        #expect(Set(keys.map(\.directoryName)).count == keys.count)
    }

    @Test("Platforms have no order")
    func platforms() {
        let names: [ByteString] = ["linux/amd64", "linux/arm64"]
        #expect(key(in: "one") { $0.platforms = names } == key(in: "one") { $0.platforms = names.reversed() })
    }

    @Test("The image's name counts only where there is no origin, and its tag never does")
    func names() throws {
        #expect(key(in: "one") { $0.imageNames = ["app:1"] } == key(in: "one"))
        let names: [ByteString] = [
            "host:5000/app", "host:5000/app:1", "host:5000/app:2@sha256:0", "host:5000/app@sha256:0",
        ]
        for name in names {
            #expect(key(in: "plain") { $0.imageNames = [name, "second"] }.repository == "host:5000/app")
        }
        #expect(key(in: "plain") { $0.imageNames = ["app:1"] }.repository == "app")
        #expect(key(in: "plain") { $0.imageNames = [""] }.repository == folder["plain"])
        #expect(key(in: "plain").repository == folder["plain"])
        try folder.write("fresh/.git/HEAD", "ref: refs/heads/main\n")
        #expect(key(in: "fresh").repository == folder["fresh/.git"])
        #expect(key(in: "fresh") { $0.imageNames = ["app:1"] }.repository == "app")
    }

    @Test("Outside a repository the context counts as the top")
    func outside() {
        let key = key(in: ".", "plain")
        #expect(key.context == "." && key.dockerfile == "Dockerfile")
        #expect(self.key(in: "plain") { $0.dockerfile = "../one/Dockerfile" }.dockerfile == "Dockerfile")
    }

    @Test("A missing context still has a key")
    func missing() {
        #expect(key(in: "one", "missing").context == "missing")
        #expect(key(in: ".", "/nonexistent/x").repository == "/nonexistent/x")
    }

    @Test("Standard input: by the repository around the working directory, or the image's name, or the directory")
    func standardInput() {
        func piped(_ name: ByteString, _ image: ByteString? = nil) -> Key {
            key(in: name) {
                $0.context = .standardInput
                $0.imageNames = image.map { [$0] } ?? []
            }
        }
        #expect(piped("one").repository == "example.org/o/app")
        #expect(piped("one", "x:1").repository == "example.org/o/app")
        #expect(piped("plain", "x:1").repository == "x")
        #expect(piped("plain").repository == folder["plain"])
        #expect(piped("one").context == "-" && piped("one").dockerfile == "-")
    }

    @Test(
        "Remote contexts",
        arguments: [
            ("https://u:SECRET@example.org/o/app.git#topic:sub", "example.org/o/app", "sub"),
            ("https://example.org/o/app.git", "example.org/o/app", "."),
            ("git@example.org:o/app#:sub", "example.org/o/app", "sub"),
            ("github.com/o/app#main", "github.com/o/app", "."),
            ("https://example.org/x.tar?sig=SECRET", "example.org/x.tar", "."),
        ] as [(ByteString, ByteString, ByteString)])
    func remote(_ address: ByteString, _ repository: ByteString, _ folder: ByteString) {
        let key = key(in: "plain") { $0.context = .remote(address) }
        #expect(key.repository == repository && key.context == folder)
        #expect(key.json.text.range(of: "SECRET") == nil)
    }

    @Test("The credentials of a remote Dockerfile are not in the key")
    func remoteDockerfile() {
        for address: ByteString in [
            "https://u:SECRET@example.org/Dockerfile", "https://example.org/Dockerfile?t=SECRET",
        ] {
            for context: BuildDescription.Context in [
                .directory("."), .standardInput, .remote("https://example.org/o/app"),
            ] {
                let key = key(in: "one") {
                    $0.context = context
                    $0.dockerfile = address
                }
                #expect(key.json.text.range(of: "SECRET") == nil)
                #expect(key.dockerfile.hasSuffix("example.org/Dockerfile"))
            }
        }
    }

    @Test("A key's directory is a slug and 16 digits, and its text describes it")
    func directory() {
        let key = key(in: "one") { $0.target = "t" }
        #expect(key.directoryName.hasPrefix("app-"))
        #expect(key.directoryName.count == 20)
        #expect(JSON(key.json.text)?[key: "repository"]?.string == "example.org/o/app")
        #expect(JSON(key.json.text)?[key: "target"]?.string == "t")
    }

    @Test("The variant: branch and arguments, whose order does not matter")
    func variants() {
        func variant(_ arguments: ByteString...) -> Variant { identity(in: "one") { $0.arguments = arguments }.variant }
        #expect(variant("A=1", "B=2") == variant("B=2", "A=1"))
        #expect(variant("A=1") != variant("A=2"))
        #expect(variant("A=1", "B=2") != variant("A=1"))
        #expect(variant().arguments.count == 3)
        #expect(variant().branch.hasPrefix("main."))
    }

    @Test("The default branch is the remote's, or else main or master")
    func defaultBranches() throws {
        #expect(identity(in: "one").defaultBranches == ["main", "master"].map(Variant.tag(ofBranch:)))
        try folder.write("one/.git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n")
        #expect(identity(in: "one").defaultBranches == [Variant.tag(ofBranch: "trunk")])
    }

    @Test("A detached HEAD is its own variant, and the reference of a remote context is its branch")
    func branches() throws {
        try folder.write("one/.git/HEAD", "0123456789012345678901234567890123456789\n")
        #expect(identity(in: "one").variant.branch == Variant.tag(ofBranch: "HEAD"))
        let remote = identity(in: "one") { $0.context = .remote("https://example.org/o/app#topic:x") }
        #expect(remote.variant.branch == Variant.tag(ofBranch: "topic"))
    }

    @Test("How docker interprets an argument")
    func contexts() throws {
        try folder.makeFolder("https:/example.org")
        #expect(BuildDescription.context("-") == .standardInput)
        #expect(BuildDescription.context(".") == .directory("."))
        #expect(BuildDescription.context("/nonexistent") == .directory("/nonexistent"))
        #expect(BuildDescription.context(folder["https:/example.org"]) == .directory(folder["https:/example.org"]))
        for address: ByteString in ["https://example.org/x", "git@example.org:x", "github.com/o/r", "ssh://h/x"] {
            #expect(BuildDescription.context(address) == .remote(address))
        }
    }
}
