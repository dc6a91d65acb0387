"""MinIO: the S3 protocol, with conditional writes, encryption, versions and lifecycle rules."""
import fetch
from server import Process, Server, get

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
GO_SUM = "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA="


class Minio(Server):
    name = "minio"
    about = "S3"
    tools = ("go",)
    port_names = ("s3",)
    seconds = 30

    def fetch(self) -> None:
        fetch.go_program("github.com/minio/minio", VERSION, GO_SUM, "minio")

    def processes(self) -> list[Process]:
        program = fetch.go_program("github.com/minio/minio", VERSION, GO_SUM, "minio")
        return [Process("minio", [
            str(program), "server", "--quiet", "--address", f"127.0.0.1:{self.ports['s3']}",
            "--certs-dir", str(self.home / "certs"), str(self.home / "data"),
        ], {
            "MINIO_ROOT_USER": "windrow-test",
            "MINIO_ROOT_PASSWORD": "windrow-test-secret",
            # Keys for tests of encryption at rest; protects nothing.
            "MINIO_KMS_SECRET_KEY": "k1:d2luZHJvdy10ZXN0LWtleS0zMi1ieXRlcy1sb25nISE=",
            "MINIO_DOMAIN": "localhost",  # BUCKET.localhost is a bucket
            "MINIO_CI_CD": "1",
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        })]

    def missing(self) -> str | None:
        return None if get(self.address() + "/minio/health/ready") is not None else "it does not answer"

    def provide(self) -> None:
        (self.home / "data/windrow").mkdir(exist_ok=True)  # a folder there is a bucket

    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.address(),
            "AWS_ACCESS_KEY_ID": "windrow-test",
            "AWS_SECRET_ACCESS_KEY": "windrow-test-secret",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",  # delta-rs asks for it
            "WINDROW_TEST_BUCKET": "windrow",
        }
