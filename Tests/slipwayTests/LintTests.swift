import ArgumentParser
import DockerfileLint
import Formats
import Glibc
import Host
import TestSupport
import Testing

@testable import slipway

@Suite("slipway lint")
struct LintTests {
    private static let bad: ByteString =
        "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir a\n"

    /// The exit code of a command for some paths.
    private func status(_ arguments: [String]) -> Int32 {
        do {
            let command = try LintCommand.parse(arguments)
            try command.run()
            return 0
        } catch {
            return Slipway.status(for: error)
        }
    }

    @Test(
        "Arguments that are refused",
        arguments: [
            ["--select", "SLP101"], ["--select", ""], ["--diff", "--format", "json"], ["--diff", "--json"],
            ["--json", "--format", "sarif"], ["--fix", "--diff"],
        ])
    func usage(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try LintCommand.parse(arguments) }
    }

    @Test("--fix replaces the file atomically, keeps its mode and a link to it, and leaves nothing behind")
    func fix() throws {
        let folder = try TemporaryFolder()
        let file = folder.path.appending(path: "real"), link = folder.path.appending(path: "Dockerfile")
        try Files.replace(file, with: Self.bad, mode: 0o640)
        try Files.makeLink(link, to: "real")
        #expect(status(["--select", "LNT2", link.lossy]) == 0)
        #expect(status([link.lossy]) == 1)
        #expect(status(["--diff", link.lossy]) == 1)
        #expect(try Files.read(file, limit: 1000) == Self.bad)
        #expect(status(["--fix", link.lossy]) == 0)
        #expect(
            try Files.read(file, limit: 1000)
                == "FROM python:3.12\nRUN --mount=type=cache,target=/root/.cache/pip pip install a\n")
        #expect(try Files.status(file).mode == 0o640)
        #expect(try Files.status(link, followLinks: false).kind == .symbolicLink)
        #expect(try Files.names(in: folder.path, limit: 10).sorted() == ["Dockerfile", "real"])
        let inode = try Files.status(file).inode
        #expect(status(["--fix", link.lossy]) == 0)
        #expect(try Files.status(file).inode == inode)
    }

    @Test("A file that was changed since it was read is left alone", arguments: ["x\n", Self.bad + "\n", Self.bad])
    func changed(_ other: ByteString) throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("Dockerfile", Self.bad)
        try Files.setModified(file, 1_000_000_000)
        let source = try LintSource(file, context: nil)
        try folder.write("Dockerfile", other)
        if other.count != Self.bad.count { try Files.setModified(file, 1_000_000_000) }
        #expect(throws: LintSource.Failure.self) { try source.replace(with: "FROM scratch\n") }
        #expect(try folder.read("Dockerfile") == other)
        #expect(try folder.names() == ["Dockerfile"])
    }

    @Test("Directories are searched; unreadable ones are reported, and the rest is still read")
    func directories() throws {
        let folder = try TemporaryFolder()
        for name in [
            "a/Dockerfile", "a/Dockerfile.dockerignore", "b/web.Dockerfile", "node_modules/Dockerfile",
            "c/Containerfile",
        ] {
            let path = folder.path.appending(path: ByteString(name))
            try Files.makeDirectories(path.parentPath, mode: 0o755)
            try Files.replace(path, with: Self.bad, mode: 0o644)
        }
        let found = LintSource.Search(folder.path).files.map { $0.path.relative(to: folder.path) }
        #expect(found == ["a/Dockerfile", "b/web.Dockerfile", "c/Containerfile"])
        #expect(status([folder.path.lossy]) == 1)
        #expect(status([folder.path.lossy, folder.path.lossy + "/none"]) == 2)
        try Files.makeDirectories(folder.path.appending(path: "empty"), mode: 0o755)
        #expect(status([folder.path.lossy + "/empty"]) == 2)
    }

    @Test(
        "What is written about Dockerfiles, or makes them, is no Dockerfile in a directory, and is one where it is named",
        arguments: [
            ("Dockerfile.5.md", false), ("Dockerfile.j2", false), ("Dockerfile.bak", false), ("dockerfile.go", false),
            ("Dockerfile.template", false), ("Dockerfile.web.tmpl", false), ("Dockerfile~", false),
            ("Dockerfile", true), ("Dockerfile.dev", true), ("Dockerfile.py3", true), ("web.dockerfile", true),
            ("Containerfile.in-house", true), ("md", false), ("Dockerfile.tt", false), ("Dockerfile.ejs", false),
        ] as [(ByteString, Bool)])
    func otherFiles(_ name: ByteString, isDockerfile: Bool) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(name, "FROM debian:12\n")
        #expect(LintSource.Search(folder.path).files.map(\.path) == (isDockerfile ? [path] : []))
        #expect(LintSource.Search(path).files.map(\.path) == [path])
    }

    @Test("Versions of bases and frontends are no findings in what tests and readers use")
    func fixtures() throws {
        let folder = try TemporaryFolder()
        let text: ByteString = "# syntax=docker/dockerfile\nFROM debian\nRUN apt-get install -y a\n"
        for (place, code) in [
            ("app", 1), ("testdata/app", 0), ("pkg/fixtures", 0), ("tests/x", 0), ("Test", 0), ("pkg/e2e", 0),
            ("parser/testfiles-negative/a", 0), ("examples/a", 0), ("docs/samples", 0), ("contest", 1), ("attests", 1),
        ] as [(ByteString, Int32)] {
            let path = try folder.write(place + "/Dockerfile", text)
            #expect(status([path.lossy]) == 1, "\(place)")
            #expect(status([path.parentPath.lossy]) == 1, "\(place)")
            #expect(status([folder.path.lossy]) == code, "\(place)")
            try Files.remove(path)
        }
    }

    @Test("A directory's templates, parts and broken examples are left alone; named, they are linted")
    func broken() throws {
        let folder = try TemporaryFolder()
        for (place, text) in [
            ("testdata/Dockerfile", "FROM debian:12\nRUM true\n"), ("docs/Dockerfile.part", "FROM debian:12\n...\n"),
            ("app/Dockerfile.part", "RUN true\nPART of one\n"),
            ("app/Dockerfile.linux", "{{ if x }}\nFROM debian:12\n{{ end }}\n"),
        ] as [(ByteString, ByteString)] {
            let path = try folder.write(place, text)
            #expect(status([folder.path.lossy]) == 0, "\(place)")
            #expect(status(["--fix", folder.path.lossy]) == 0, "\(place)")
            #expect(status([path.lossy]) == 1, "\(place)")
        }
        try folder.write("app/Dockerfile", "FROM debian:12\nRUM true\n")
        #expect(status([folder.path.lossy]) == 1)
    }

    @Test("In directories, a link to the outside is skipped; a named one is followed")
    func links() throws {
        let folder = try TemporaryFolder()
        try folder.write("out/real", Self.bad)
        try folder.write("tree/real", Self.bad)
        try folder.write("tree-2/real", Self.bad)
        try Files.makeLink(folder["tree/Dockerfile"], to: "../out/real")
        try Files.makeLink(folder["tree/Dockerfile.beside"], to: "../tree-2/real")
        try Files.makeLink(folder["tree/Dockerfile.inside"], to: "real")
        try Files.makeLink(folder["way"], to: "tree")
        for name in ["tree", "way"] as [ByteString] {
            #expect(LintSource.Search(folder[name]).files.map(\.path) == [folder[name + "/Dockerfile.inside"]])
        }
        #expect(status(["--fix", folder["tree"].lossy]) == 0)
        #expect(try folder.read("out/real") == Self.bad && folder.read("tree-2/real") == Self.bad)
        #expect(try folder.read("tree/real") != Self.bad)
        #expect(status(["--fix", folder["tree/Dockerfile"].lossy]) == 0)
        #expect(try folder.read("out/real") != Self.bad)
    }

    // Root may read everything, so the test changes to another user first.
    @Test("An unreadable directory hides no other, and one that is too deep is reported")
    func unreadable() async throws {
        let folder = try TemporaryFolder()
        for name in ["a", "locked", "z"] as [ByteString] { try folder.write(name + "/Dockerfile", Self.bad) }
        try folder.makeFolder("locked/secret", mode: 0)
        try folder.makeFolder("unseen", mode: 0o744)
        try folder.write("unseen/Dockerfile", Self.bad)
        await #expect(processExitsWith: .success) { [path = folder.path.lossy as String] in
            if geteuid() == 0 { #expect(seteuid(54_321) == 0) }
            let search = LintSource.Search(ByteString(path))
            let found = search.files.map { $0.path.relative(to: ByteString(path)) }
            #expect(found == ["a/Dockerfile", "locked/Dockerfile", "z/Dockerfile"])
            #expect(search.failures.count == 2)
            #expect(LintTests().status([path]) == 2)
        }
        try folder.remove("locked/secret")
        let deep = ByteString(String(repeating: "x/", count: 65))
        try folder.write("deep/" + deep + "Dockerfile", Self.bad)
        let search = LintSource.Search(folder["deep"])
        #expect(search.files.isEmpty && search.failures.count == 1)
        #expect(LintSource.Search(folder["deep/x"]).files.count == 1)
    }

    @Test("JSON and SARIF have every finding; the text has no control characters from the file")
    func formats() throws {
        let file = Dockerfile(
            "FROM debian\nRUN apk add a\nARG \u{1B}[2J_COMMIT\nRUN apk add b\nRUN curl https://x.invalid | sh\n")
        let report = LintReport(path: "a b/Dockerfile", findings: Linter.findings(in: file))
        let array = try #require(LintReport.json(of: [report]).array)
        #expect(array.map { $0[key: "code"]?.string } == ["LNT703", "LNT704", "LNT803"])
        #expect(array.last?[key: "line"]?.integer == 5 && array.last?[key: "column"]?.integer == 5)
        #expect(array.last?[key: "fixable"] == .bool(false) && array.last?[key: "severity"]?.string == "warning")
        let text = LintReport.text(of: [report])
        #expect(!text.contains("\u{1B}") && text.split("\n").count == 4)
        #expect(text.hasPrefix("a b/Dockerfile:1:6: note LNT703 "))
        let run = try #require(LintReport.sarif(of: [report])[key: "runs"]?.array?.first)
        let result = try #require(run[key: "results"]?.array?.last)
        let place = result[key: "locations"]?.array?.first?[key: "physicalLocation"]
        #expect(place?[key: "artifactLocation"]?[key: "uri"]?.string == "a%20b/Dockerfile")
        #expect(place?[key: "region"]?[key: "startLine"]?.integer == 5)
        #expect(run[key: "tool"]?[key: "driver"]?[key: "rules"]?.array?.count == Rule.allCases.count)
    }

    @Test("A difference has its hunks in the right places, and a missing newline at the end is reported")
    func difference() {
        let lines = (1...20).map { ByteString(decimal: $0) }
        var other = lines
        other[9] = "ten"
        other.remove(at: 1)
        let text = TextDifference(lines.joined(separator: "\n"), other.joined(separator: "\n")).unified("f")
        #expect(
            text
                == "--- f\n+++ f\n@@ -1,5 +1,4 @@\n 1\n-2\n 3\n 4\n 5\n@@ -7,7 +6,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n"
        )
        #expect(TextDifference("a\n", "a\n").unified("f") == "")
        #expect(
            TextDifference("a", "b").unified("f")
                == "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
        )
    }
}
