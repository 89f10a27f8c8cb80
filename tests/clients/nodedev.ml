(* A client in OCaml, whose binding has no node-device calls: it opens, asks and closes.

       client URI *)
module C = Libvirt.Connect

let () =
  try
    let connection = C.connect_readonly ~name:Sys.argv.(1) () in
    print_endline (C.get_type connection);
    print_endline (C.get_uri connection);
    C.close connection;
    print_endline "closed"
  with Libvirt.Virterror error ->
    print_endline (Libvirt.Virterror.to_string error);
    exit 1
