import Formats
import Host
import Notes
import Planning
import TestSupport
import Testing

@testable import Doctor
@testable import Shim

@Suite("The home, and the settings")
struct HomeTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func gather(_ change: (inout ProcessContext) -> Void = { _ in }) -> [Finding] {
        var context = ProcessContext.test(folder)
        change(&context)
        return HomeFacts.gather(context).findings()
    }

    @Test("The user's own, another user's, none")
    func home() throws {
        #expect(gather() == [Finding(.homeInOrder, folder.path)])
        let owner = ByteString(decimal: Kernel.userID)
        let foreign = gather { $0.user = Kernel.userID + 1 }
        #expect(foreign == [Finding(.homeOfSomebodyElse, folder.path + " is owned by user " + owner)])
        #expect(gather { $0.environment = [] }.checks == [.homeMissing])
        for home in [folder["missing"], try folder.write("file", ""), "relative"] {
            #expect(gather { $0.environment = ["HOME=" + home] }.checks == [.homeMissing])
        }
    }

    @Test("Docker's files made by another user, only the outermost")
    func dockerFiles() throws {
        let facts = HomeFacts(home: "/h", owner: 7, user: 7, foreign: [("/h/.docker", 0), ("/x", 0)])
        let findings = facts.findings()
        #expect(findings.details(.dockerFilesOfSomebodyElse) == ["/h/.docker of user 0, /x of user 0"])
        #expect(findings[0].fix == "sudo chown -R \"$(id -u):$(id -g)\" /h/.docker")
    }

    @Test("They are found in the places that the variables name", .enabled(if: Kernel.userID == 0))
    func search() throws {
        try folder.makeFolder("h/.docker/buildx/instances")
        try folder.makeFolder("b/activity")
        // Root's files in a user's home, as `sudo docker` leaves them.
        let home = folder["h"]
        try Descriptor.open(home).setOwner(user: 12_345, group: 12_345)
        func paths(_ entries: ByteString...) -> [ByteString] {
            var context = ProcessContext.test(folder)
            context.environment = ["HOME=" + home] + entries
            context.user = 12_345
            return HomeFacts.gather(context).foreign.map(\.path)
        }
        #expect(paths() == [home + "/.docker"])
        try Descriptor.open(home + "/.docker").setOwner(user: 12_345, group: 12_345)
        #expect(paths() == [home + "/.docker/buildx"])
        try Descriptor.open(home + "/.docker/buildx").setOwner(user: 12_345, group: 12_345)
        #expect(paths() == [home + "/.docker/buildx/instances"])
        #expect(paths("BUILDX_CONFIG=" + folder["b"]) == [folder["b"]])
    }

    @Test("Lines, variables and files that were ignored; otherwise the chosen values")
    func settings() {
        var loaded = LoadedSettings()
        #expect(loaded.findings() == [Finding(.settingsInOrder, "the defaults")])
        _ = loaded.settings.apply(environment: ["SLIPWAY_JOURNAL=off"])
        #expect(loaded.findings() == [Finding(.settingsInOrder, "journal = off")])
        for (mode, check): (ByteString, Check) in [("read-only", .packagesReadOnly), ("read-write", .packagesShared)] {
            var packages = LoadedSettings()
            _ = packages.settings.apply(environment: ["SLIPWAY_PACKAGE_CACHE_MODE=" + mode])
            #expect(packages.findings() == [Finding(check)])
        }
        loaded.problems = loaded.settings.apply(environment: ["SLIPWAY_NOPE=1", "SLIPWAY_JOURNAL=x"])
        loaded.unread = [.init(path: "/a b (1)"), .init(path: "/c", error: .notDirectory)]
        let findings = loaded.findings()
        #expect(findings.checks == [.settingsInvalid, .settingsInvalid, .settingsNotTrusted, .settingsNotTrusted])
        #expect(findings[0].detail == "environment: no setting is called SLIPWAY_NOPE")
        #expect(findings[2].fix == "chmod go-w '/a b (1)'" && findings[3].fix == "chmod go-w /c")
    }
}
