internal import Engine
internal import Formats
public import Host
public import Planning

/// Finds the program that the shim replaces.
public enum RealDocker {
    /// The scripts that a command has passed through, separated by colons. It is set only while a script runs: without
    /// it, two wrappers that each look for another docker would exec each other forever.
    private static let passedVariable: ByteString = "SLIPWAY_PASSED"

    /// The docker named by the environment or the settings if it is executable and not a shim, otherwise the next
    /// docker on PATH. If PATH leads to none or is not set (Go programs can start children that way), the docker that
    /// the installer recorded, or else the one in the folders where systems keep programs: without Slipway, such a
    /// caller would run docker by its path.
    public static func find() -> Program? {
        find(record: { (try? Files.readLink("/proc/self/exe")).flatMap(DockerRecord.path(for:)) }, folders: nil)
    }

    /// With another record and other folders, for tests.
    static func find(record: () -> ByteString?, folders: ByteString?) -> Program? {
        if let choice = LoadedSettings.docker(),
            let docker = ProgramSearch.named(choice, withoutMarker: ProgramSearch.marker)
        {
            return docker
        }
        let marker = ProgramSearch.marker
        if let docker = ProgramSearch.next(named: "docker", withoutMarker: marker, refuses: wasPassed) { return docker }
        if case .docker(let docker) = DockerRecord.read(record()), !wasPassed(docker) { return docker }
        return ProgramSearch.next(
            named: "docker", along: folders ?? ProgramSearch.usualFolders, withoutMarker: marker, refuses: wasPassed)
    }

    /// The plugin behind this program, in docker's own order of directories.
    static func plugin(for request: EngineRequest) -> Program? {
        BuildxPlugin.next(for: request, .current(), refuses: wasPassed)
    }

    private static func wasPassed(_ program: Program) -> Bool {
        guard program.isScript, let passed = Kernel.variable(named: passedVariable) else { return false }
        return passed.split(":").contains(program.path)
    }

    /// A script is recorded while it runs; the real docker's environment has no trace of it.
    public static func changes(for docker: Program) -> [EnvironmentChange] {
        let passed = Kernel.variable("SLIPWAY_PASSED")
        guard docker.isScript else {
            return passed == nil ? [] : [EnvironmentChange(name: passedVariable, value: nil)]
        }
        return [EnvironmentChange(name: passedVariable, value: passed.map { $0 + ":" + docker.path } ?? docker.path)]
    }
}
