internal import Engine
internal import Formats
public import Host
public import Planning

/// Finding the program that the shim stands in for.
public enum RealDocker {
    /// Scripts passed on the way down, colon-separated. It stands in the environment only while one is running: two wrappers
    /// that each look for "a docker which is not me" would exec each other for ever.
    private static let passedVariable: ByteString = "SLIPWAY_PASSED"

    /// The environment's or the settings' choice if it is executable and no shim, else the next docker on PATH. Where PATH
    /// names none, or there is no PATH (Go programs start children so), the docker that the install recorded, else the one in
    /// the folders where systems have their programs: without us such a caller would run it by its path.
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

    /// The plugin that stands behind this program, by docker's own order of directories.
    static func plugin(for request: EngineRequest) -> Program? {
        BuildxPlugin.next(for: request, .current(), refuses: wasPassed)
    }

    private static func wasPassed(_ program: Program) -> Bool {
        guard program.isScript, let passed = Kernel.variable(named: passedVariable) else { return false }
        return passed.split(":").contains(program.path)
    }

    /// A script is remembered while it runs; the real docker finds nothing of it in its environment.
    public static func changes(for docker: Program) -> [EnvironmentChange] {
        let passed = Kernel.variable("SLIPWAY_PASSED")
        guard docker.isScript else {
            return passed == nil ? [] : [EnvironmentChange(name: passedVariable, value: nil)]
        }
        return [EnvironmentChange(name: passedVariable, value: passed.map { $0 + ":" + docker.path } ?? docker.path)]
    }
}
