import Formats
import Notes
import TestSupport
import Testing

@testable import Engine
@testable import Host

@Suite("Routes") struct BuildRouteTests {
    @Test(
        "Who builds",
        arguments: [
            (.dockerBuild, nil, nil, 28, nil), (.dockerBuild, "1", nil, 28, nil), (.dockerBuild, "TRUE", nil, 23, nil),
            (.dockerBuild, "0", nil, 28, .legacyBuilder), (.dockerBuild, "False", "buildx", 28, .legacyBuilder),
            (.dockerBuild, "no", nil, 28, .buildKitVariableInvalid), (.buildx, "2", nil, 28, .buildKitVariableInvalid),
            (.buildx, "0", nil, 28, nil), (.buildx, nil, "other", 28, nil),
            (.dockerBuild, nil, "buildx", 28, nil), (.dockerBuild, nil, "other", 28, .builderAliasUnknown),
            (.dockerBuild, nil, "", 28, .builderAliasUnknown),
            (.dockerBuild, nil, nil, 20, .dockerTooOld), (.dockerBuild, "1", nil, 20, .dockerTooOld),
            (.dockerBuild, "0", nil, 20, .dockerTooOld), (.dockerBuild, "0", "buildx", 20, nil),
            (.buildx, "0", nil, 20, nil), (.dockerBake, "0", nil, 29, nil),
            (.dockerBake, "no", nil, 29, .buildKitVariableInvalid),
            (.dockerBake, nil, nil, 28, .notEdited),
        ] as [(BuilderRequest.Route, ByteString?, ByteString?, Int, Reason?)])
    func check(route: BuilderRequest.Route, buildKit: ByteString?, alias: ByteString?, major: Int, reason: Reason?) {
        let answer = Result { () throws(EngineError) in
            try BuildRoute.check(route, buildKit: buildKit, alias: alias, docker: Version(major, 0))
        }
        #expect(answer.reason == reason)
    }

    @Test(
        "Which builder is named",
        arguments: [
            (.dockerBuild, nil, nil, nil, .named("ctx")), (.dockerBuild, nil, "env", nil, .named("env")),
            (.dockerBuild, "flag", "env", nil, .named("flag")), (.dockerBuild, "", "env", nil, .current),
            (.dockerBuild, nil, "", nil, .named("ctx")), (.dockerBuild, nil, nil, "buildx", .current),
            (.dockerBuild, nil, "env", "buildx", .named("env")), (.buildx, nil, nil, nil, .current),
            (.buildx, nil, "env", nil, .named("env")), (.buildx, "flag", nil, nil, .named("flag")),
            (.dockerBake, nil, nil, nil, .named("ctx")), (.plugin("/p"), nil, nil, nil, .current),
            (.plugin("/p"), nil, "env", nil, .named("env")),
        ] as [(BuilderRequest.Route, ByteString?, ByteString?, ByteString?, BuilderChoice)])
    func choice(
        route: BuilderRequest.Route, flag: ByteString?, variable: ByteString?, alias: ByteString?,
        expected: BuilderChoice
    ) {
        let request = BuilderRequest(route: route, builder: flag)
        let environment = DockerEnvironment(builder: variable)
        #expect(BuilderChoice(request, environment, alias: alias, context: "ctx") == expected)
    }
}

@Suite("The plugin") struct BuildxPluginTests {
    @Test("Extra directories first, then the user's, then the system's") func order() {
        let configuration = DockerConfiguration(directory: "/c", extraPluginDirectories: ["/x", "", "rel"])
        let directories = BuildxPlugin.directories(configuration, system: ["/s"])
        #expect(directories == ["/x", "rel", "/c/cli-plugins", "/s"])
    }

    private func find(_ folder: TemporaryFolder) -> Result<ByteString, EngineError> {
        Result { () throws(EngineError) in try BuildxPlugin.find(in: [folder["a"], folder["b"], folder["c"]]) }
    }

    @Test("The first one counts; missing directories do not") func first() throws {
        let folder = try TemporaryFolder()
        #expect(find(folder) == .failure(EngineError(.buildxMissing)))
        try folder.write("c/docker-buildx", "", mode: 0o755)
        #expect(find(folder) == .success(folder["c/docker-buildx"]))
        try folder.makeFolder("a")
        try Files.makeLink(folder["a/docker-buildx"], to: folder["c/docker-buildx"])
        #expect(find(folder) == .success(folder["a/docker-buildx"]))
    }

    @Test("Slipway as the plugin passes on to the next one") func ourselves() throws {
        let folder = try TemporaryFolder()
        let slipway = try folder.write("bin/docker", "\u{7F}ELF SLIPWAY-SHIM", mode: 0o755)
        try folder.makeFolder("a")
        try Files.makeLink(folder["a/docker-buildx"], to: slipway)
        #expect(find(folder).reason == .buildxMissing)
        try folder.write("b/docker-buildx", "", mode: 0o755)
        #expect(find(folder) == .success(folder["b/docker-buildx"]))
    }

    @Test("The next one behind Slipway: skips files that cannot run, copies of Slipway, and scripts passed already")
    func next() throws {
        let folder = try TemporaryFolder()
        let environment = DockerEnvironment(home: folder["home"])
        let system = BuildTarget.SystemFiles(pluginDirectories: [folder["s1"], folder["s2"]], hostTable: "")
        func next(_ request: EngineRequest = EngineRequest(), not refused: ByteString = "") -> Program? {
            BuildxPlugin.next(for: request, environment, system: system) { $0.path == refused }
        }
        #expect(next() == nil)
        try folder.write("home/.docker/config.json", #"{"cliPluginsExtraDirs":[""# + folder["extra"] + #""]}"#)
        try folder.write("extra/docker-buildx", "\u{7F}ELF SLIPWAY-SHIM", mode: 0o755)
        try folder.write("home/.docker/cli-plugins/docker-buildx", "", mode: 0o644)
        let script = try folder.write(script: "exit 0", to: "s1/docker-buildx")
        let real = try folder.write("s2/docker-buildx", "\u{7F}ELF", mode: 0o755)
        #expect(next() == Program(path: script, isScript: true))
        #expect(next(not: script) == Program(path: real, isScript: false))
        // Another configuration has its own plugins; one that cannot be read has none, and docker continues.
        let other = try folder.write("other/cli-plugins/docker-buildx", "\u{7F}ELF", mode: 0o755)
        #expect(next(EngineRequest(configDirectory: folder["other"]))?.path == other)
        try folder.write("other/config.json", "{")
        #expect(next(EngineRequest(configDirectory: folder["other"]))?.path == other)
    }

    @Test("A first one that cannot run is not skipped", arguments: OddFile.allCases)
    func odd(file: OddFile) throws {
        let folder = try TemporaryFolder()
        try file.put(at: "a/docker-buildx", in: folder)
        try folder.write("b/docker-buildx", "", mode: 0o755)
        #expect(find(folder) == .failure(EngineError(.buildxBroken, folder["a/docker-buildx"])))
    }

    @Test("A file that is not executable, and a dangling link") func notExecutable() throws {
        let folder = try TemporaryFolder()
        try folder.write("b/docker-buildx", "", mode: 0o644)
        #expect(find(folder).reason == .buildxBroken)
        try folder.makeFolder("a")
        try Files.makeLink(folder["a/docker-buildx"], to: folder["nothing"])
        #expect(find(folder) == .failure(EngineError(.buildxBroken, folder["a/docker-buildx"])))
    }
}
